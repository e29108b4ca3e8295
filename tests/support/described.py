#!/usr/bin/env python3
"""described.py METHOD PATH STATUS TYPE FILE: whether server/http/openapi.json describes such an answer, and the JSON in FILE is as it says.

Says what is not so and ends with 1. Knows as much of JSON Schema as the description uses.
"""
import json
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
with open(os.path.join(TOP, "server", "http", "openapi.json"), encoding="utf-8") as file:
    DESCRIPTION = json.load(file)
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
KNOWN = {"type", "description", "required", "properties", "additionalProperties", "enum", "items", "oneOf", "pattern", "format", "minimum",
         "examples", "allOf", "minItems", "maxItems", "contentEncoding"}


class NotSo(Exception):
    pass


def resolve(value):
    while "$ref" in value:
        at = DESCRIPTION
        for name in value["$ref"][2:].split("/"):
            at = at[name]
        value = at
    return value


def whole(schema):
    """A schema with what it takes over from others."""
    schema = dict(resolve(schema))
    for other in schema.pop("allOf", []):
        other = whole(other)
        schema["required"] = other.get("required", []) + schema.get("required", [])
        schema["properties"] = {**other.get("properties", {}), **schema.get("properties", {})}
    return schema


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def fits(value, schema, where):
    try:
        check(value, schema, where)
        return True
    except NotSo:
        return False


def check_object(value, schema, where):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            raise NotSo(f"{where}: {name} is missing")
    for name, member in value.items():
        if name in properties:
            check(member, properties[name], f"{where}.{name}")
        elif properties and not schema.get("additionalProperties"):
            raise NotSo(f"{where}: {name} is not described")


def check(value, schema, where):
    schema = whole(schema)
    unknown = set(schema) - KNOWN
    if unknown:
        raise NotSo(f"{where}: this program does not know {unknown}")
    types = schema.get("type", [])
    if types and not any(is_type(value, name) for name in ([types] if isinstance(types, str) else types)):
        raise NotSo(f"{where}: {value!r} is no {types}")
    if "enum" in schema and value not in schema["enum"]:
        raise NotSo(f"{where}: {value!r} is none of {schema['enum']}")
    if "oneOf" in schema and sum(fits(value, one, where) for one in schema["oneOf"]) != 1:
        raise NotSo(f"{where}: {value!r} fits none, or more than one")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        raise NotSo(f"{where}: {value!r} is not like {schema['pattern']}")
    if isinstance(value, int) and value < schema.get("minimum", value):
        raise NotSo(f"{where}: {value} is too small")
    if isinstance(value, list):
        for number, item in enumerate(value):
            check(item, schema.get("items", {}), f"{where}[{number}]")
    if isinstance(value, dict):
        check_object(value, schema, where)


def find(path):
    for template, item in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"\\{[a-z]+\\}", "[^/]+", re.escape(template)), path):
            return item
    raise NotSo(f"{path} is not described")


def main(method, path, status, content_type, answer):
    item = find(path.split("?")[0])
    if status == "405":
        if method in item:
            raise NotSo("405, for a method that is described")
        return
    is_head = method == "head"
    if method not in item and is_head:
        method = "get"
    responses = item[method]["responses"]
    if status not in responses:
        raise NotSo(f"it answered {status}, which is not described")
    if status == "304":  # has no body, and the header fields of a 200
        return
    content = resolve(responses[status]).get("content", {})
    content_type = content_type.split(";")[0]
    if content_type not in content and (content or content_type):
        raise NotSo(f"it answered '{content_type}' with {status}, which is not described")
    if content_type == "application/json" and not is_head:
        with open(answer, encoding="utf-8") as body:
            check(json.load(body), content[content_type]["schema"], "the answer")


try:
    main(sys.argv[1].lower(), *sys.argv[2:])
except NotSo as why:
    sys.exit(f"{sys.argv[1]} {sys.argv[2]}: {why}")
