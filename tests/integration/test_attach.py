"""Living states that a C host hands to the runtime: tests/integration/runtime/attach.c says what each mode does."""
import re
import shutil
import subprocess

import pytest

from outcome import INCLUDE, compile_host, luajit_flags, run
from processes import Host

pytestmark = pytest.mark.preload


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_host("attach", tmp_path_factory.mktemp("attach"), [*luajit_flags(), "-ldl", "-pthread"])


@pytest.fixture
def attach(program, runtime):
    return lambda mode, **options: run(program, runtime, mode, **options)


@pytest.fixture
def attach_preloaded(attach, runtime):
    """The state is on a respire heap from the start then, and nothing is left to take over."""
    return lambda mode, **options: attach(mode, preload=runtime, **options)


def test_living_state(attach):
    """Old blocks of every kind stay what they are; new ones are counted, purged and trimmed."""
    outcome = attach("living")
    assert (outcome["before"], outcome["again"], outcome["sum_is_held"]) == (-1, 0, 1)
    assert outcome["live_kib"] > 10_000
    assert outcome["trimmed_kib"] > 20_000
    assert outcome["fallen_kib"] == pytest.approx(outcome["trimmed_kib"], abs=2048)


def test_preloaded_state_stays_as_it_is(attach_preloaded):
    outcome = attach_preloaded("living")
    assert (outcome["before"], outcome["again"], outcome["sum_is_held"]) == (0, 0, 1)


@pytest.mark.parametrize("preloaded", [False, True])
def test_nothing_is_left_behind(attach, runtime, preloaded):
    """After a hundred states: no mapping of LuaJIT's allocator, of the heap or of what stood between them.

    The last heap is kept for the next state; how many mappings it is depends on what it lies beside."""
    outcome = attach("many", preload=runtime if preloaded else None)
    assert outcome["more_mappings"] <= 3
    assert outcome["more_kib"] < 1024


def test_each_heap_ends(attach, tmp_path):
    log = tmp_path / "log"
    attach("many", options=f"log={log}")
    text = log.read_text()
    for event in ("takes over the living state", "its state, which was taken over, is closed", "closed: held"):
        assert len(re.findall(event, text)) == 100, event


def test_from_an_old_coroutine(attach):
    """Taken over, asked about and closed through a coroutine that is older than the heap."""
    outcome = attach("coroutine")
    assert [outcome[name] for name in ("main", "old", "new")] == [0, 0, 0]
    assert outcome["finalized"] == 100_000


def test_hosts_own_allocator(attach):
    """It gets back each of its blocks, with the right size, and nothing else."""
    outcome = attach("own")
    assert (outcome["own_grew"], outcome["own_left"], outcome["sum_is_held"]) == (0, 0, 1)
    assert outcome["live_kib"] > 10_000


@pytest.mark.parametrize("preloaded", [False, True])
def test_host_changes_the_allocator_afterwards(attach, runtime, preloaded):
    """A host's function in front of the heap, for a part of the blocks: all go home, at lua_close too."""
    outcome = attach("fronted", preload=runtime if preloaded else None)
    assert (outcome["both_used"], outcome["again"], outcome["sum_is_held"], outcome["own_left"]) == (1, 0, 1, 0)


@pytest.mark.parametrize("preloaded", [False, True])
def test_host_silences_frees(attach, runtime, preloaded):
    assert attach("silenced", preload=runtime if preloaded else None)["done"] == 1


def test_no_memory(attach):
    """Wherever memory ends: -1 and a sentence, or done; and the state goes on."""
    assert 0 < attach("no_memory")["refused"] < 64


def test_threads(attach):
    assert attach("threads")["done"] == 1


def test_forks(attach):
    """The children of a process with a state that was taken over breathe by themselves."""
    outcome = attach("forks")
    assert outcome.all("child_status") == [0, 0]
    assert all(kib > 20_000 for kib in outcome.all("child_fallen_kib"))


def test_refusals_say_why(attach):
    outcome = attach("refusals")
    assert outcome["nothing_yet"] == 1
    assert outcome.all("said") == [1, 1]
    assert (outcome["no_state"], outcome["stats_of_another"], outcome["trim_of_another"]) == (-1, -1, 0)


def test_without_gc64(program, runtime, narrow_suite):
    """A LuaJIT with 32-bit references is refused; it runs on untouched, also under a preload."""
    environment = narrow_suite.environment()
    assert environment["LD_LIBRARY_PATH"]
    for preload in (None, runtime):
        outcome = run(program, runtime, "narrow", preload=preload, environment=environment)
        assert (outcome["attached"], outcome["stats"], outcome["new_state"], outcome["said"]) == (-1, -1, 0, 1)
        assert outcome["works"] == 1
        assert outcome.stderr == ""


def findings(respire, target, subject):
    return [found for found in respire("doctor", target.pid, "--json")["findings"] if found["subject"] == subject]


def test_doctor_of_a_host_with_its_own_allocator(respire, host, runtime):
    """`doctor` says why a preload does nothing here, and what would."""
    target = host(allocator="malloc", environment={"LD_PRELOAD": str(runtime)})
    (found,) = findings(respire, target, "runtime")
    assert found["level"] == "missing"
    assert "an allocator of its own" in found["detail"] and "respire_attach" in found["remedy"]


def test_doctor_without_gc64(respire, host_program, narrow_suite, runtime):
    environment = {**narrow_suite.environment(), "LD_PRELOAD": str(runtime)}
    target = Host(host_program, environment=environment)
    try:
        (found,) = findings(respire, target, "runtime")
        assert found["level"] == "missing"
        assert "without GC64" in found["detail"] and "newer LuaJIT" in found["remedy"]
    finally:
        target.stop()


def test_example_of_the_manual_page(runtime, tmp_path):
    """The C program in librespire(3) compiles, takes its state over, and says so."""
    page = (INCLUDE.parent / "docs/man/librespire.3").read_text()
    source = re.search(r"^\.EX\n(#include.*?)^\.EE$", page, flags=re.M | re.S)[1].replace("\\e", "\\")
    (tmp_path / "example.c").write_text(source)
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}", str(tmp_path / "example.c"), "-o",
                    str(tmp_path / "example"), str(runtime.resolve()), f"-Wl,-rpath,{runtime.resolve().parent}", *luajit_flags()],
                   check=True, timeout=60)
    outcome = subprocess.run([tmp_path / "example"], capture_output=True, text=True, timeout=50, check=True)
    returned, live = re.fullmatch(r"(\d+) bytes given back, (\d+) live\n", outcome.stdout).groups()
    assert int(returned) > 0 and int(live) > 10_000
    assert outcome.stderr == ""


def test_two_copies_preloaded(runtime, tmp_path):
    """The second copy of two stays idle, and a host's own allocator and other hosts' ways go past both of them."""
    states = compile_host("states", tmp_path, [*luajit_flags(), "-pthread"])
    copies = f"{shutil.copy(runtime, tmp_path / 'another-librespire.so')}:{runtime}"
    log = tmp_path / "log"
    assert run(states, "new_state", preload=copies, options=f"log={log}")["respire"] == 1
    assert len(re.findall(r"heap 0x\w+ closed", log.read_text())) >= 1
    own = run(states, "own", preload=copies)
    assert (own["respire"], own["own_used"], own["own_kept"], own["own_left"]) == (0, 1, 1, 0)
    assert run(states, "forks", preload=copies).all("child_threads") == [2, 2, 2]
