"""The folder lua/: what its documents say is what the module does, and its examples run."""
import contextlib
import pathlib
import re
import subprocess
import urllib.request

import pytest

from outcome import compile_host, luajit_flags
from processes import SYSTEM_NGINX, end, end_with_parent, environment_with, free_port, public_directory, wait_until

pytestmark = pytest.mark.preload

LUA = pathlib.Path(__file__).resolve().parents[2] / "lua"
CPATH = "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;"


@pytest.fixture(scope="module")
def lua(tmp_path_factory, build):
    """lua(script): the lines that it prints."""
    program = compile_host("script", tmp_path_factory.mktemp("script"), luajit_flags())

    def run(script):
        done = subprocess.run([program, script], env=environment_with({"LUA_CPATH": f"{build}/?.so;;"}), capture_output=True,
                              text=True, timeout=50, check=True)
        return done.stdout.splitlines()
    return run


def test_documents_know_the_interface(lua, tmp_path):
    """Every function and every figure is in the README and in the file for editors, and nothing else is."""
    script = tmp_path / "names.lua"
    script.write_text('local r = require "respire" for name in pairs(r) do print("function", name) end '
                      'for name in pairs(r.stats()) do print("field", name) end '
                      'local t = {} for i = 1, 5000 do t[i] = i end '
                      'for name in pairs(r.tables()[1]) do print("field", name) end')
    names = [line.split("\t") for line in lua(script)]
    functions = {name for kind, name in names if kind == "function"}
    fields = {name for kind, name in names if kind == "field"}
    assert functions >= {"stats", "trim", "set", "get", "tables"}
    for_editors = (LUA / "library/respire.lua").read_text()
    assert set(re.findall(r"^function respire\.(\w+)\(", for_editors, flags=re.M)) == functions
    assert set(re.findall(r"^---@field (\w+) ", for_editors, flags=re.M)) == fields
    readme = (LUA / "README.md").read_text()
    assert set(re.findall(r"^\| `respire\.(\w+)\(", readme, flags=re.M)) == functions
    assert [field for field in fields if f"`{field}" not in readme and f" {field}" not in readme] == []


def test_burst_example(tmp_path, build, suite):
    """The same script in Debian's luajit, without and with respire."""
    def last_kib(*arguments):
        environment = environment_with({**suite.environment(), "LUA_CPATH": f"{build}/?.so;;"})
        done = subprocess.run([*suite.command(suite.luajit), str(LUA / "examples/burst.lua"), *arguments], env=environment,
                              capture_output=True, text=True, timeout=50, check=True, cwd=tmp_path)
        return [int(line.split()[-2]) for line in done.stdout.splitlines()]
    during, _, later = last_kib("respire")
    assert during > 50_000
    assert later < 16_000
    assert last_kib()[2] > 2 * later


def test_nginx_example(build):
    """The example configuration, but for the folder of the module and the port, serves a worker's figures."""
    port = free_port()
    with public_directory() as prefix:
        text = (LUA / "examples/nginx.conf").read_text()
        assert CPATH in text and "127.0.0.1:8080;" in text
        text = text.replace(CPATH, f"{build}/?.so;;").replace("127.0.0.1:8080;", f"127.0.0.1:{port};")
        (prefix / "nginx.conf").write_text(text)
        (prefix / "modules").symlink_to("/usr/lib/nginx/modules")
        (prefix / "logs").mkdir()
        process = subprocess.Popen([SYSTEM_NGINX, "-p", f"{prefix}/", "-c", f"{prefix}/nginx.conf", "-e", f"{prefix}/error.log",
                                    "-g", f"daemon off; pid {prefix}/nginx.pid;"], env=environment_with({}),
                                   preexec_fn=end_with_parent)
        try:
            page = wait_until(lambda: fetch(port), "nginx serves")
        finally:
            end(process)
    figures = dict(line.split() for line in page.splitlines())
    assert int(figures["held_bytes"]) == sum(int(figures[name]) for name in ("live_bytes", "free_bytes", "meta_bytes"))
    assert 1000 < int(figures["live_bytes"]) < float(figures["counted_bytes"])


def fetch(port):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/memory", timeout=20) as answer:
        return answer.read().decode()
    return None
