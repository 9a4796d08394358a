"""What respire says of malloc is what malloc says of itself: mallinfo2(), malloc_info(), malloc_stats(), and the real trim."""
import collections
import pathlib
import re
import subprocess

import pytest

from analyzer import error_sentence
from answers import assert_checked
from core_files import write_core
from malloc_targets import resident_bytes
from processes import children_of, wait_until
from snapshots import without_look, without_section

HUGE_PAGES = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
HUGE_PAGE = HUGE_PAGES.parent / "hpage_pmd_size"
GLIBCS = ["2.31", "2.36", "2.41", "2.43"]
STEPS = {
    "small": ["churn 3000 1"],
    "mapped": ["churn 2000 2", "mapped 12 5"],
    "cached": ["churn 100 1", "cache 7 100", "cache 40 1000"],
    "fastbins": ["blocks 5 5000", "cache 500 24", "cache 500 100", "cache 500 40"],
    "arenas": ["churn 3000 1", "threads 8 3000 7"],
    "drained": ["threads 8 6000 3", "flood 2 90000000", "drain"],
    "gap": ["churn 3000 4", "gap 20000", "churn 4000 5"],
    "no brk": ["churn 2000 6", "nobrk", "churn 20000 7", "blocks 30 100000"],
    "trimmed": ["threads 4 5000 9", "drain", "trim", "churn 3000 8", "drain"],
    "ended": ["threads 8 2000 3", "end", "drain"],
}


def only_main(document):
    (main,) = [arena for arena in document["arenas"] if arena["main"]]
    return main


def total(document, part, key="bytes"):
    return sum(arena[part][key] for arena in document["arenas"])


def by_size(rows):
    return collections.Counter({row["size_bytes"]: row["count"] for row in rows})


def assert_conserved(document):
    """Of each arena and of all, what is told apart sums to what there is."""
    for arena in document["arenas"]:
        parts = sum(arena[part]["bytes"] for part in ("used", "binned", "fast", "cached"))
        assert parts + arena["top_bytes"] + arena["meta_bytes"] == arena["system_bytes"]
    assert document["used_bytes"] == total(document, "used") + document["mmapped_bytes"]
    assert document["free_bytes"] == sum(total(document, part) for part in ("binned", "fast", "cached")) + \
        sum(arena["top_bytes"] for arena in document["arenas"])
    for use, whole in (("used", document["used_bytes"]), ("free", document["free_bytes"])):
        assert sum(row["bytes"] for row in document["histogram"][use]) == whole
        assert sum(row["bytes"] for row in document["sizes"][use]) == whole
        for row in document["histogram"][use]:
            assert row["low"] * row["count"] <= row["bytes"] < row["high"] * row["count"]


@pytest.mark.parametrize("glibc", GLIBCS)
@pytest.mark.parametrize("steps", STEPS)
def test_books(malloc, respire, glibc, steps):
    """Used, free, mapped, tops, fastbins: the sums are those of mallinfo2(), and of malloc_info() arena by arena."""
    target = malloc(glibc)
    target.ask(*STEPS[steps])
    info, arenas = target.truth()
    document = respire("heap", target.pid, "--json")
    assert_checked(document)
    assert_conserved(document)
    tops = sum(arena["top_bytes"] for arena in document["arenas"])
    metas = sum(arena["meta_bytes"] for arena in document["arenas"])
    assert info["arena"] == sum(arena["system_bytes"] for arena in document["arenas"])
    assert info["fordblks"] == total(document, "binned") + total(document, "fast") + tops
    assert info["uordblks"] == total(document, "used") + total(document, "cached") + metas
    assert (info["smblks"], info["fsmblks"]) == (total(document, "fast", "count"), total(document, "fast"))
    assert info["ordblks"] == total(document, "binned", "count") + len(document["arenas"])
    assert info["hblks"] == document["mmapped_count"]
    # From 2.43 on, mallinfo2() counts 16 bytes too many whenever realloc() has moved a mapping.
    assert info["hblkhd"] - document["mmapped_bytes"] in (range(0, 16 * info["hblks"] + 1, 16) if glibc == "2.43" else [0])
    assert info["keepcost"] == only_main(document)["top_bytes"]
    assert sorted((arena["system_bytes"], (arena["fast"]["count"], arena["fast"]["bytes"]), arena["binned"]["count"] + 1)
                  for arena in document["arenas"]) == \
        sorted((arena.system_bytes, arena.fast, arena.rest_count) for arena in arenas)
    assert info["block_bytes"] <= document["used_bytes"]
    assert steps != "arenas" or len(arenas) == 9
    assert steps != "fastbins" or glibc == "2.43" or info["smblks"] > 1400


@pytest.mark.parametrize("glibc", GLIBCS)
def test_sizes(malloc, respire, glibc):
    """Chunks in use by exact size are the blocks of the program, each of them, and what was there before."""
    target = malloc(glibc)
    target.ask("cache 1 100")
    before = by_size(respire("heap", target.pid, "--json", "--top", 100000)["sizes"]["used"])
    target.ask("churn 20000 11", "blocks 1000 100", "blocks 37 5000", "blocks 224 400000", "cache 900 700")
    after = by_size(respire("heap", target.pid, "--json", "--top", 100000)["sizes"]["used"])
    after.subtract(before)
    assert min(after.values()) >= 0
    mapped = {size: count for size, count in after.items() if size > 1 << 17}
    assert sum(mapped.values()) == 224 and all(size % 4096 == 0 for size in mapped)
    assert +after - collections.Counter(mapped) == \
        collections.Counter({size: count for size, count in target.sizes().items() if size < 1 << 17})


@pytest.mark.parametrize("glibc", GLIBCS)
@pytest.mark.parametrize("steps", STEPS)
def test_trim(malloc, respire, glibc, steps):
    """What malloc_trim(0) was said to return is what it returns, to the byte; and so it is again a second time."""
    target = malloc(glibc)
    target.ask("trim", *STEPS[steps])
    for _ in range(2):
        document = respire("heap", target.pid, "--json")
        assert document["trim_bytes"] == sum(arena["trim_bytes"] for arena in document["arenas"])
        assert document["trim_bytes"] > 1 << 18 or steps not in ("drained", "trimmed", "ended")
        assert document["trim_bytes"] <= document["free_resident_bytes"] <= document["free_bytes"]
        before = resident_bytes(target.pid)
        target.ask("trim")
        assert before - resident_bytes(target.pid) == document["trim_bytes"]
        free = document["free_resident_bytes"]
        assert free - respire("heap", target.pid, "--json")["free_resident_bytes"] == document["trim_bytes"]
        target.ask("churn 6000 13", "threads 2 3000 5", "cache 4000 48", "drain")


@pytest.mark.parametrize("glibc", ["2.36", "2.41", "2.43"])
def test_trim_by_huge_pages(malloc, respire, glibc):
    """Where a program has asked for huge pages and got them, the end of the heap shrinks by as many."""
    target = malloc(glibc, environment={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})
    target.ask("trim", "threads 2 3000 1", "drain", "cache 9000 500", "cache 7000 900")
    document = respire("heap", target.pid, "--json")
    before = resident_bytes(target.pid)
    target.ask("trim")
    assert before - resident_bytes(target.pid) == document["trim_bytes"] > 0
    (huge_page,) = re.findall(r"\d+", HUGE_PAGE.read_text("ascii"))
    shrinks_by = int(huge_page) if glibc == "2.43" or "[madvise]" in HUGE_PAGES.read_text("ascii") else 4096
    assert only_main(respire("heap", target.pid, "--json"))["top_bytes"] - 33 < shrinks_by


def test_whatever_the_environment(malloc, respire):
    """Nothing that happens to look like malloc's books is taken for them, wherever stack and environment lie."""
    for length in range(64):
        target = malloc(environment={"PADDING": "x" * length})
        target.ask("churn 300 1")
        assert_checked(respire("heap", target.pid, "--json"))
        target.stop()


def test_in_a_storm(malloc, respire):
    """Threads that do nothing but malloc and free: a look that stops them at a good moment is told, any other is not."""
    target = malloc()
    target.ask("churn 3000 1", "storm 3")
    outcomes = [respire.attempt("heap", target.pid, "--json") for _ in range(15)]
    for outcome in outcomes:
        if outcome.status == 0:
            assert_checked(outcome.document)
            assert_conserved(outcome.document)
        else:
            assert outcome.status == 4 and "malloc" in error_sentence(outcome)
    assert sum(outcome.status == 0 for outcome in outcomes) > 10
    assert target.process.poll() is None


def test_largest_free(malloc, respire):
    """Free chunks stand largest first, each as large as the program has made its hole, tops among them."""
    target = malloc()
    target.ask("churn 3000 1", "threads 3 3000 2", "drain")
    document = respire("heap", target.pid, "--json")
    sizes = by_size(respire("heap", target.pid, "--json", "--top", 100000)["sizes"]["free"])
    expected = sorted(sizes.elements(), reverse=True)[:16]
    assert [chunk["bytes"] for chunk in document["largest_free"]] == expected
    assert all(0 <= chunk["resident_bytes"] <= chunk["bytes"] + 2 * 4096 for chunk in document["largest_free"])


def test_rows(malloc, respire):
    """--top limits each list; what is beyond is summed in a last row without a size."""
    target = malloc()
    target.ask("churn 3000 1", "threads 3 1000 2")
    whole = respire("heap", target.pid, "--json", "--top", 100000)["sizes"]["used"]
    assert [row["bytes"] for row in whole] == sorted((row["bytes"] for row in whole), reverse=True)
    rows = respire("heap", target.pid, "--json", "--top", 3)["sizes"]["used"]
    assert rows[:3] == whole[:3] and len(rows) == 4
    assert rows[3] == {"size_bytes": None, "count": sum(row["count"] for row in whole[3:]),
                       "bytes": sum(row["bytes"] for row in whole[3:])}
    text = respire("heap", target.pid, "--top", 2)
    assert text.count("(others)") == 2 and "(2 others)" in text


def test_text(malloc, respire):
    """The first line says what holds most, in words that a person understands."""
    target = malloc()
    target.ask("blocks 2240 100000", "threads 2 100 1")
    first, *_ = respire("heap", target.pid).splitlines()
    assert re.fullmatch(rf"{target.pid} malloc_program: malloc holds 2\d\d MiB: 2\d\d MiB used, of which 214 MiB in 2,240 chunks "
                        r"of 64 KiB to 128 KiB; .* free \(.* resident\), of which malloc_trim\(0\) would return .*", first), first


def test_of_a_core_file(malloc, respire, tmp_path):
    """A core file tells the same, but for what was resident."""
    target = malloc()
    target.ask("churn 3000 1", "threads 4 2000 1", "mapped 5 1")
    live, kept = (respire("heap", *of, "--json") for of in ([target.pid], ["--core", write_core(target.pid, tmp_path)]))
    for key in ("layout", "used_bytes", "free_bytes", "meta_bytes", "mmapped_bytes", "histogram", "sizes", "checks"):
        assert kept[key] == live[key], key
    assert kept["trim_bytes"] is None and live["trim_bytes"] > 0


@pytest.mark.parametrize("options", [["--json"], ["--json", "--top", "100000"], [], ["--top", "3"]], ids=" ".join)
def test_of_a_snapshot(malloc, respire, tmp_path, options):
    """A snapshot tells what the process told."""
    target = malloc()
    target.ask("churn 3000 1", "threads 4 2000 1", "mapped 5 1")
    respire("snapshot", target.pid, "-o", tmp_path / "a.respire")
    live, kept = (respire("heap", *of, *options) for of in ([target.pid], ["--snapshot", tmp_path / "a.respire"]))
    if options[:1] == ["--json"]:
        assert {key: value for key, value in kept.items() if key != "look"} == \
            {key: value for key, value in live.items() if key != "look"}
    else:
        assert without_look(kept) == without_look(live)


def test_books_that_contradict_themselves(malloc, respire, tmp_path):
    """A program that has written over malloc's books: exit status 4, what is wrong, and no number at all."""
    target = malloc()
    target.ask("churn 3000 1", "spoil")
    sentence = respire("heap", target.pid, "--json", expect=4)
    assert "malloc" in sentence and str(target.pid) in sentence
    respire("snapshot", target.pid, "-o", tmp_path / "a.respire")
    outcome = respire.attempt("heap", "--snapshot", tmp_path / "a.respire")
    assert outcome.status == 4 and outcome.stdout == ""
    assert error_sentence(outcome).partition(": ")[2] == sentence.partition(": ")[2]


def test_a_snapshot_without_malloc(malloc, respire, tmp_path):
    """A snapshot that an earlier respire has written does not tell of malloc, and heap says so."""
    path = tmp_path / "a.respire"
    respire("snapshot", malloc().pid, "-o", path)
    path.write_bytes(without_section(path.read_bytes(), "malloc"))
    assert_checked(respire("mem", "--snapshot", path, "--json"))
    assert "does not tell of malloc" in respire("heap", "--snapshot", path, expect=4)


def call(pid, function):
    """Let a debugger call it in the process."""
    subprocess.run(["gdb", "-nx", "-q", "-batch", "-p", str(pid), "-ex", f"call {function}"], check=True, timeout=60,
                   stdin=subprocess.DEVNULL, capture_output=True)


def malloc_stats(server, pid):
    """What malloc_stats() prints when a debugger calls it in the process: system and used bytes of all arenas."""
    before = len(server.errors())
    call(pid, "(void)malloc_stats()")
    text = wait_until(lambda: server.errors()[before:] if "max mmap bytes" in server.errors()[before:] else "",
                      "the process tells its statistics")
    numbers = re.findall(r"(system|in use) bytes *= *(\d+)", text)
    return [int(number) for name, number in numbers if name == "system"], [int(number) for name, number in numbers
                                                                            if name != "system"]


CACHE = "proxy_cache_path PREFIX/cache keys_zone=cached:1m; init_worker_by_lua_block { kept = {} }"


def test_of_nginx(nginx, respire):
    """Worker, master and cache manager: what malloc_stats() says in each of them."""
    server = nginx(http=CACHE, server="location / { content_by_lua_block { ngx.say(ngx.var.uri) } }")
    for number in range(50):
        server.get(f"/{number}")
    server.wait_until_idle()
    manager = [child for child in children_of(server.master) if child not in server.workers]
    assert manager
    for pid in (server.worker, server.master, manager[0]):
        document = respire("heap", pid, "--json")
        assert_checked(document)
        assert_conserved(document)
        system, used = malloc_stats(server, pid)
        assert system[-1] == document["used_bytes"] + document["free_bytes"] + document["meta_bytes"]
        assert used[-1] == document["used_bytes"] + total(document, "cached") + document["meta_bytes"]


# Blocks of which every third is free again.
HOLES = """location / { content_by_lua_block {
    local ffi = require "ffi"
    pcall(ffi.cdef, "void *malloc(size_t); void free(void *);")
    local blocks = {}
    for i = 1, 900 do blocks[i] = ffi.C.malloc(i * 97) ffi.fill(blocks[i], i * 97, 1) end
    for i = 1, 900, 3 do ffi.C.free(blocks[i]) end
    ngx.say("made")
} }"""


def test_trim_of_nginx(nginx, respire):
    """In a worker, too, malloc_trim(0) returns what it was said to return."""
    server = nginx(server=HOLES)
    server.get()
    server.wait_until_idle()
    call(server.worker, "(int)malloc_trim(0)")
    server.get()
    server.wait_until_idle()
    document = respire("heap", server.worker, "--json")
    before = resident_bytes(server.worker)
    call(server.worker, "(int)malloc_trim(0)")
    assert before - resident_bytes(server.worker) == document["trim_bytes"] > 1 << 20
