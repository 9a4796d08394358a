"""The analyzer under test, as a command that a test runs."""
import os
import re
import subprocess

from answers import parse_document

RESPIRE_SECONDS = 60
EXIT_STATUSES = {0, 1, 2, 3, 4}
SANITIZER_REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:")


class Outcome:
    """How one run of respire ended."""

    def __init__(self, arguments, status, stdout, stderr):
        self.arguments = arguments
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def document(self):
        return parse_document(self.stdout)

    def __repr__(self):
        return (f"respire {' '.join(self.arguments)}\nexit status {self.status}\n"
                f"stdout: {self.stdout[:2000]}\nstderr: {self.stderr[:4000]}")


class Respire:
    """The analyzer under test. Calling it demands an exit status; attempt() leaves judging it to the test."""

    def __init__(self, program, prefix=()):
        """`prefix` is a command that starts the program given behind it, as somebody else."""
        self.program = program
        self.prefix = prefix

    def __call__(self, *arguments, expect=0):
        """With --json and success: the document. Otherwise what a person reads: standard output, or the error."""
        outcome = self.attempt(*arguments)
        assert outcome.status == expect, outcome
        if expect != 0:
            return error_sentence(outcome)
        if "--json" in outcome.arguments:
            document = outcome.document
            assert document["schema"] == f"respire.{outcome.arguments[0]}/1"
            return document
        return outcome.stdout

    def attempt(self, *arguments, environment=None):
        """Any outcome but a crash, a hang, or a sanitizer's report."""
        words = [str(argument) for argument in arguments]
        done = subprocess.run([*self.prefix, str(self.program), *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=RESPIRE_SECONDS, errors="surrogateescape",
                              env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})})
        outcome = Outcome(words, done.returncode, done.stdout, done.stderr)
        assert not SANITIZER_REPORT.search(done.stderr), outcome
        assert done.returncode in EXIT_STATUSES, outcome
        return outcome

    def start(self, *arguments):
        """respire in the background."""
        return subprocess.Popen([*self.prefix, str(self.program), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def error_sentence(outcome):
    """What a failure says: one sentence on standard error, and nothing that could be taken for an answer."""
    lines = outcome.stderr.strip().splitlines()
    assert len(lines) == 1, outcome
    assert len(lines[0]) > 15, outcome
    assert outcome.stdout == "" or "--json" in outcome.arguments, outcome
    return lines[0]
