"""respire's own look at the workers: the commands as a user would type them, and the split that they tell."""

import json
import subprocess

from lifetime import DemoError

SPLIT = ("held_bytes", "live_bytes", "free_bytes", "free_resident_bytes", "reclaimable_bytes")


def show(life, screen, respire, worker, command):
    """Runs `respire COMMAND PID` with its output straight on the screen."""
    arguments = [respire, command, str(worker.pid)]
    screen.heading(f"$ {' '.join(arguments)}    # the {worker.name} worker")
    status = life.start(arguments).wait()
    if status != 0:
        raise DemoError(f"`{' '.join(arguments)}` failed with exit status {status}")


def split(life, respire, worker):
    """Held, live and free of the worker's Lua states together, from `respire lua --json PID`, and whose heap it is."""
    arguments = [respire, "lua", "--json", str(worker.pid)]
    child = life.start(arguments, stdout=subprocess.PIPE, text=True)
    output = child.communicate()[0]
    if child.returncode != 0:
        raise DemoError(f"`{' '.join(arguments)}` failed with exit status {child.returncode}")
    allocators = [state["allocator"] for state in json.loads(output)["states"]]
    if not allocators:
        raise DemoError(f"`{' '.join(arguments)}` found no Lua state in the {worker.name} worker")
    kinds = {allocator["kind"] for allocator in allocators}
    if kinds != {worker.name}:
        raise DemoError(f"the {worker.name} worker's Lua heap should be of kind '{worker.name}', "
                        f"but `{' '.join(arguments)}` says {', '.join(sorted(kinds))}")
    return {key: sum(allocator[key] for allocator in allocators) for key in SPLIT}
