"""What the kernel itself says about the memory of a process: the ground truth for `respire mem`."""
import pathlib
import re


def _kilobyte_fields(path):
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    return {match[1]: int(match[2]) * 1024 for match in re.finditer(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def status_bytes(pid):
    """VmRSS, RssAnon, RssFile, RssShmem, VmSize, VmSwap … of /proc/PID/status."""
    return _kilobyte_fields(f"/proc/{pid}/status")


def rollup_bytes(pid):
    """Rss, Pss, Swap … of /proc/PID/smaps_rollup."""
    return _kilobyte_fields(f"/proc/{pid}/smaps_rollup")


def resident_by_mapping(pid):
    """Rss of each mapping, by its line in /proc/PID/smaps."""
    resident, mapping = {}, None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            mapping = line
        elif line.startswith("Rss:"):
            resident[mapping] = int(line.split()[1]) * 1024
    return resident


def footprint(pid):
    """Everything that reading a process must not change."""
    status = status_bytes(pid)
    return {
        "mappings": resident_by_mapping(pid),
        "rss": rollup_bytes(pid)["Rss"],
        "swap": status["VmSwap"],
        "shmem": status["RssShmem"],
        "size": status["VmSize"],
    }
