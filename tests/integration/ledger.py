"""What must hold of every answer of `mem` about an idle process."""
import re

from answers import assert_checked, owners_named, resident_sum
from memory import rollup_bytes, status_bytes

OWNER = re.compile(r"(luajit\.(live|free|meta|code)|respire\.(live|free|meta)|glibc\.(used|free|meta)|nginx\.data"
                   r"|nginx\.pools\.(cycle|request|connection|module|unowned)|nginx\.shm\..+"
                   r"|elf\.(code|data)|stack|file|other\..+|unknown)$")
UNKNOWN_SHARE = 0.001


def assert_reconciled(answer, pid):
    """The ledger is complete: its sums are those of the kernel, to the byte."""
    assert_checked(answer)
    status, rollup = status_bytes(pid), rollup_bytes(pid)
    assert answer["pid"] == pid
    assert answer["rss_bytes"] == status["VmRSS"] == rollup["Rss"]
    assert answer["swap_bytes"] == status["VmSwap"]
    assert resident_sum(answer["system"]) == answer["rss_bytes"]
    assert resident_sum(answer["owners"]) == answer["rss_bytes"]
    assert answer["unknown_bytes"] == resident_sum(owners_named(answer, "unknown"))
    for owner in answer["owners"]:
        assert OWNER.match(owner["name"]), owner
        assert isinstance(owner["private"], bool)


def assert_little_unknown(answer):
    private = answer["private_resident_bytes"]
    assert answer["unknown_bytes"] <= UNKNOWN_SHARE * private, answer["owners"]
