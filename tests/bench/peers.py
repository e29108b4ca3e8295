"""Caches that stand beside larder before the same origin, each with its own best settings."""
import os
import shutil
import socket

from common import Server, free_port, wait_for

RECORDS = """CONFIG proxy.config.http.server_ports STRING {port}
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 2
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.http.cache.http INT 1
CONFIG proxy.config.http.cache.required_headers INT 0
CONFIG proxy.config.cache.ram_cache.size INT 2147483648
CONFIG proxy.config.cache.max_doc_size INT 0
CONFIG proxy.config.cache.enable_read_while_writer INT 1
CONFIG proxy.config.cache.read_while_writer.max_retries INT 10
CONFIG proxy.config.cache.read_while_writer_retry.delay INT 50
CONFIG proxy.config.http.background_fill_active_timeout INT 0
CONFIG proxy.config.http.background_fill_completed_threshold FLOAT 0.0
CONFIG proxy.config.http.cache.max_open_read_retries INT 5
CONFIG proxy.config.http.cache.open_read_retry_time INT 10
CONFIG proxy.config.http.cache.open_write_fail_action INT 5
"""
ROOT = """prefix: {root}
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {root}/etc
datadir: {root}/data
includedir: /usr/include
libdir: /usr/lib
libexecdir: {modules}
localstatedir: {root}
runtimedir: {root}/run
logdir: {root}/log
cachedir: {root}/data
"""


def answers(port):
    def found():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    wait_for(found)


def varnish(work, origin_port):
    """Memory for all of it, threads for all clients."""
    port = free_port()
    server = Server(["varnishd", "-F", "-n", os.path.join(work, "varnish"), "-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{origin_port}",
                     "-s", "malloc,2G", "-j", "none", "-p", "thread_pool_min=200", "-t", "86400"], os.path.join(work, "varnish.log"))
    answers(port)
    return server, port


def ats(work, origin_port):
    """Reads while it writes, and asks again rather than the origin; everything fits into its memory."""
    port, root = free_port(), os.path.join(work, "ats")
    for folder in ("etc", "data", "run", "log"):
        os.makedirs(os.path.join(root, folder))
    modules = next(path for path in ("/usr/lib/trafficserver/modules", "/usr/lib/x86_64-linux-gnu/trafficserver/modules", "/usr/lib")
                   if os.path.isdir(path))
    written = {"runroot.yaml": ROOT.format(root=root, modules=modules), "etc/records.config": RECORDS.format(port=port),
               "etc/remap.config": f"map / http://127.0.0.1:{origin_port}/\n", "etc/storage.config": f"{root}/data 4G\n",
               "etc/ip_allow.yaml": "ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n"}
    for name in ("plugin", "cache", "hosting", "volume", "parent", "socks", "splitdns", "ssl_multicert"):
        written[f"etc/{name}.config"] = ""
    for name, text in written.items():
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    server = Server(["traffic_server", f"--run-root={root}/runroot.yaml"], os.path.join(work, "ats.log"))
    answers(port)
    return server, port


def missing():
    return [name for name in ("varnishd", "traffic_server") if not shutil.which(name)]
