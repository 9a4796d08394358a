"""tests/fixtures/malloc_program.c as a running process, and what it says of its own malloc."""
import collections
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time
import xml.etree.ElementTree as xml

from processes import end, end_with_parent, environment_with, process_state, wait_until

ANSWER_SECONDS = 60
ANONYMOUS = re.compile(r"[\da-f]+-[\da-f]+ rw-p [\da-f]+ 00:00 0 +(\[heap\])?\n")


def resident_bytes(pid):
    """Of brk's heap and of anonymous mappings: all that malloc has, and what nobody changes meanwhile."""
    total, counts = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as lines:
        for line in lines:
            if not line[0].isupper():
                counts = ANONYMOUS.fullmatch(line) is not None
            elif counts and line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
    return total


class MallocProgram:
    """See the source for its commands."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment_with(environment), preexec_fn=end_with_parent)
        self.pid = self.process.pid
        self._pending = b""
        try:
            assert self._line() == "ready"
            self._settle()
        except BaseException:
            self.stop()
            raise

    def ask(self, *commands):
        """The answer to the last of the commands, without its name."""
        for command in commands:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
            name, _, answer = self._line().partition(" ")
            assert name == command.split()[0]
        self._settle()
        return answer

    def sizes(self):
        """How many chunks of each size the program keeps blocks in."""
        return collections.Counter(int(size) for size in self.ask("sizes").split())

    def truth(self):
        """mallinfo2() by name, and malloc_info() of each arena: what is in fastbins, other free chunks, all."""
        numbers = json.loads(self.ask("truth"))
        text = ""
        while not text.endswith("</malloc>\n"):
            text += self._line() + "\n"
        self._settle()
        return numbers, [Arena(element) for element in xml.fromstring(text).findall("heap")]

    def stop(self):
        end(self.process, signal.SIGKILL)
        self.process.stdin.close()
        self.process.stdout.close()

    def _settle(self):
        wait_until(lambda: process_state(self.pid) in ("S", "Z", None), "the program waits for a command")

    def _line(self):
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], "the program did not answer in time"
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            assert more, f"the program is gone, exit status {self.process.wait(10)}"
            self._pending += more
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode()


class Arena:
    """One <heap> of malloc_info()."""

    def __init__(self, element):
        totals = {total.get("type"): (int(total.get("count")), int(total.get("size"))) for total in element.findall("total")}
        self.fast = totals.get("fast", (0, 0))  # none since 2.43
        self.rest_count, self.rest_bytes = totals["rest"]
        self.system_bytes = int(element.find("system[@type='current']").get("size"))


def compile_for_machine(source, program):
    subprocess.run(["gcc", "-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(program), "-pthread"],
                   check=True, timeout=60)
    return pathlib.Path(program)
