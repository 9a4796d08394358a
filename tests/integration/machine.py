"""What a test may have of the machine for a while."""
import contextlib
import os
import pathlib

import pytest


@contextlib.contextmanager
def memory_cgroup(limit_bytes):
    """A cgroup with a limit, of whichever version this machine has; gives its folder."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = pathlib.Path(root) / f"respire-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if (folder / limit).exists():
                (folder / limit).write_text(str(limit_bytes), encoding="ascii")
                yield folder
                return
        finally:
            folder.rmdir()
    pytest.skip("no cgroup with a limit of memory can be made on this machine")
