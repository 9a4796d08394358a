"""Neovim without a screen under the runtime: the editor's own state, and the states of its threads."""
import pathlib
import subprocess

import pytest

from hosts.evidence import assert_heap_in_use
from memory import status_bytes
from processes import end, end_with_parent, environment_with, process_state, wait_until

pytestmark = pytest.mark.preload

HERE = pathlib.Path(__file__).resolve().parent
NVIM = "/usr/bin/nvim"
MIB = 2**20
LINES = 30_000
THREADS, RECORDS = 4, 50_000
RECORDS_SUM = str(RECORDS * (RECORDS + 1) // 2 + sum(len(f"record {i}") for i in range(1, RECORDS + 1)))


class Neovim:
    """An editor that another one asks for the value of expressions, through the socket that it listens on."""

    def __init__(self, folder, preload):
        self.folder, self.socket = folder, folder / "socket"
        places = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        self.process = subprocess.Popen(
            [NVIM, "--clean", "--headless", "-n", "--listen", str(self.socket), "--cmd", f"set rtp+={folder}",
             "--cmd", f"lua package.path = '{HERE}/hosts/?.lua;' .. package.path; plugin = require 'editor_plugin'"],
            env=environment_with({**places, "LD_PRELOAD": str(preload)}), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
        self.pid = self.process.pid
        try:
            wait_until(self.socket.exists, "the editor listens")
        except BaseException:
            self.stop()
            raise

    def ask(self, call):
        """(words, count_bytes) of the editor's own state."""
        assert process_state(self.pid) not in (None, "Z"), "the editor is gone"
        done = subprocess.run([NVIM, "--clean", "--headless", "--server", str(self.socket), "--remote-expr",
                               f"luaeval('plugin.{call}')"], env=environment_with({"HOME": str(self.folder)}), check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        *words, count_bytes = (done.stdout + done.stderr).split()
        return words, float(count_bytes)

    def stop(self):
        end(self.process)


@pytest.fixture
def neovim(runtime, tmp_path):
    editor = Neovim(tmp_path, runtime)
    yield editor
    editor.stop()


def expected_index(lines):
    """What plugin.work must answer: lines, places of "word60", completions of "word9", the first and the last of them."""
    words = [f"word{i % length}" for i in range(1, lines + 1) for length in (977, 61)]
    matches = sorted({word for word in words if word.startswith("word9")})
    return [str(lines), str(words.count("word60")), str(len(matches)), matches[0], matches[-1]]


def told_by_threads(gate):
    """What each thread wrote: its sum, and what its own state counts."""
    def all_told():
        texts = [path.read_text() for path in sorted(gate.parent.glob(f"{gate.name}.*"))]
        return [text.split() for text in texts] if len(texts) == THREADS and all(text.endswith("\n") for text in texts) else None
    told = wait_until(all_told, "all threads have told", seconds=30)
    return [total for total, _ in told], [float(count) for _, count in told]


def test_editor(neovim, respire):
    """A plugin's index and completions are right, on the runtime's heap; forgotten, their pages go back."""
    words, count_bytes = neovim.ask(f"work({LINES})")
    assert words == expected_index(LINES)
    (state,) = assert_heap_in_use(respire, neovim.pid, count_bytes)
    assert state["allocator"]["live_bytes"] > 8 * MIB
    resident_bytes = status_bytes(neovim.pid)["VmRSS"]
    assert neovim.ask("forget()")[0] == ["forgotten"]
    wait_until(lambda: status_bytes(neovim.pid)["VmRSS"] < resident_bytes - 8 * MIB, "the index's pages are gone", seconds=5)
    assert neovim.ask(f"work({LINES})")[0] == words


def test_threads(neovim, respire, tmp_path):
    """vim.loop.new_thread: each thread's state is on a respire heap of its own, beside the editor's, which goes on working."""
    gate = tmp_path / "gate"
    neovim.ask(f'start_threads({THREADS}, {RECORDS}, "{gate}")')
    sums, counts = told_by_threads(gate)
    assert sums == [RECORDS_SUM] * THREADS
    words, count_bytes = neovim.ask("work(5000)")
    assert words[0] == "5000"
    assert len(assert_heap_in_use(respire, neovim.pid, count_bytes, *counts)) == THREADS + 1
    gate.touch()
    words, count_bytes = neovim.ask("join_threads()")
    assert words == ["joined"]
    assert_heap_in_use(respire, neovim.pid, count_bytes)


def test_work_queue(neovim, respire, tmp_path):
    """vim.loop.new_work: the states of libuv's thread pool are on respire heaps, in use again for each round of work."""
    for round_number in range(3):
        gate = tmp_path / f"gate-{round_number}"
        neovim.ask(f'queue_work({THREADS}, {RECORDS}, "{gate}")')
        sums, counts = told_by_threads(gate)
        assert sums == [RECORDS_SUM] * THREADS
        states = assert_heap_in_use(respire, neovim.pid, *counts)
        assert len(states) == THREADS + 1
        gate.touch()
        wait_until(lambda: neovim.ask("finished_work()")[0] == [RECORDS_SUM] * THREADS, "the results have come")
