(* real_opam: reads the opam files whose paths stand on standard input with opam's own parser (the library opam-file-format) and writes
   what read_opam writes of larder's: see there. *)
open OpamParserTypes.FullPos

let text_of string =
  let buffer = Buffer.create (String.length string + 2) in
  let add c =
    if c < ' ' || c >= '\x7f' || c = '"' || c = '\\' then
      Printf.bprintf buffer "\\x%02x" (Char.code c)
    else Buffer.add_char buffer c
  in
  Buffer.add_char buffer '"';
  String.iter add string;
  Buffer.add_char buffer '"';
  Buffer.contents buffer

let rec value_text value =
  match value.pelem with
  | String string -> text_of string
  | Ident name -> name
  | Int number -> string_of_int number
  | Bool truth -> string_of_bool truth
  | List values -> "[" ^ all_text values.pelem ^ "]"
  | Group values -> "(" ^ all_text values.pelem ^ ")"
  | Option (inner, filter) -> Printf.sprintf "{%s (%s)}" (value_text inner) (all_text filter.pelem)
  | Logop (operator, left, right) -> two (OpamPrinter.FullPos.logop operator) left right
  | Relop (operator, left, right) -> two (OpamPrinter.FullPos.relop operator) left right
  | Env_binding (left, operator, right) -> two (OpamPrinter.FullPos.env_update_op operator) left right
  | Prefix_relop (operator, right) -> one (OpamPrinter.FullPos.relop operator) right
  | Pfxop (operator, right) -> one (OpamPrinter.FullPos.pfxop operator) right

and all_text values = String.concat " " (List.map value_text values)
and one operator right = Printf.sprintf "(%s %s)" operator (value_text right)
and two operator left right = Printf.sprintf "(%s %s %s)" operator (value_text left) (value_text right)

let rec print_item item =
  match item.pelem with
  | Variable (name, value) -> Printf.printf "%s: %s\n" name.pelem (value_text value)
  | Section section ->
    let title = match section.section_name with Some title -> text_of title.pelem | None -> "" in
    Printf.printf "%s %s{\n" section.section_kind.pelem title;
    List.iter print_item section.section_items.pelem;
    print_string "}\n"

(* --- the archives --- *)

let rec plain value = match value.pelem with Option (inner, _) -> plain inner | _ -> value

let strings value =
  let string value = match (plain value).pelem with String string -> [ string ] | _ -> [] in
  match (plain value).pelem with List values -> List.concat_map string values.pelem | _ -> string value

let fields names items =
  let field item =
    match item.pelem with
    | Variable (name, value) when List.mem name.pelem names -> strings value
    | Variable _ | Section _ -> []
  in
  List.concat_map field items

let starts prefix text =
  let length = String.length prefix in
  String.length text >= length && String.lowercase_ascii (String.sub text 0 length) = prefix

let web_url url =
  let url = List.hd (String.split_on_char '#' url) in
  let is_web = List.exists (fun scheme -> starts scheme url) [ "https://"; "http://"; "ftp://" ] in
  let blank = String.exists (fun c -> c <= ' ' || c = '\x7f') url in
  if is_web && (not blank) && not (Filename.check_suffix url ".git") then Some url else None

let lengths = [ ("md5", 32); ("sha1", 40); ("sha256", 64); ("sha512", 128) ]

let digest text =
  let algo, hex =
    match String.index_opt text '=' with
    | Some at -> (String.sub text 0 at, String.sub text (at + 1) (String.length text - at - 1))
    | None -> ("md5", text)
  in
  let algo = String.lowercase_ascii algo and hex = String.lowercase_ascii hex in
  let is_hex = String.for_all (function '0' .. '9' | 'a' .. 'f' -> true | _ -> false) hex in
  if is_hex && List.assoc_opt algo lengths = Some (String.length hex) then Some (algo, hex) else None

let print_archive package items =
  let urls = List.filter_map web_url (fields [ "src"; "archive"; "http"; "mirrors" ] items) in
  let digests = List.filter_map digest (fields [ "checksum" ] items) in
  let of_algo (algo, _) = Option.map (fun hex -> algo ^ ":" ^ hex) (List.assoc_opt algo digests) in
  if urls <> [] && digests <> [] then
    print_endline
      (String.concat " " ([ "A"; package ] @ List.sort_uniq compare urls @ List.filter_map of_algo lengths))

let print_archives package items =
  let is_bare item =
    match item.pelem with
    | Variable (name, _) -> List.mem name.pelem [ "src"; "archive"; "http" ]
    | Section _ -> false
  in
  let print_section item =
    match item.pelem with
    | Section { section_kind = { pelem = "url" | "extra-source"; _ }; section_items; _ } ->
      print_archive package section_items.pelem
    | Section _ | Variable _ -> ()
  in
  if List.exists is_bare items then print_archive package items;
  List.iter print_section items

let print_file path =
  Printf.printf "F %s\n" path;
  match OpamParser.FullPos.file path with
  | file ->
    List.iter print_item file.file_contents;
    print_archives (Filename.basename (Filename.dirname path)) file.file_contents
  | exception (OpamLexer.Error _ | Parsing.Parse_error | Failure _) -> print_string "E\n"

let () = try while true do print_file (input_line stdin) done with End_of_file -> ()
