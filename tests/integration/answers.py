"""Reading respire's answers."""
import json

TABLE, STRING, FUNCTION, UPVALUE, PROTO = "table", "string", "function", "upvalue", "proto"
THREAD, CDATA, USERDATA, TRACE = "thread", "cdata", "userdata", "trace"


def parse_document(text):
    """Exactly one JSON document of finite numbers, with its schema as the first key."""
    def refuse(constant):
        raise AssertionError(f"{constant} in a JSON answer")
    document = json.loads(text, parse_constant=refuse)
    assert next(iter(document)) == "schema", "the first key of an answer is its schema"
    return document


def failed_checks(document):
    return [check for check in document["checks"] if check["ok"] is not True]


def assert_checked(document):
    """The answer carries its conservation equations, and all of them hold."""
    assert document["checks"], "an answer without a check"
    assert failed_checks(document) == []


def assert_conserved(allocator):
    """What is held is live, free or the allocator's own, to the byte."""
    assert allocator["live_bytes"] + allocator["free_bytes"] + allocator["meta_bytes"] == allocator["held_bytes"]
    assert 0 <= allocator["reclaimable_bytes"] <= allocator["free_resident_bytes"] <= allocator["free_bytes"]


def only_state(document):
    (state,) = document["states"]
    return state


def counted(document):
    """gc_count_bytes of each state, in no order."""
    return sorted(state["gc_count_bytes"] for state in document["states"])


def object_counts(state):
    return {row["type"]: row["count"] for row in state["objects"]}


def group_counts(rows):
    return {row["name"]: row["count"] for row in rows}


def object_bytes(state):
    return sum(row["bytes"] for row in state["objects"])


def gained(before, after):
    """How many objects of each type there are more than before, without those of which there are as many."""
    return difference(object_counts(before), object_counts(after))


def groups_gained(before, after):
    """The same for groups of objects by name."""
    return difference(group_counts(before), group_counts(after))


def difference(old, new):
    changes = {name: new.get(name, 0) - old.get(name, 0) for name in old.keys() | new.keys()}
    return {name: count for name, count in changes.items() if count}


def resident_sum(rows):
    return sum(row["resident_bytes"] for row in rows)


def owners_named(document, prefix):
    return [owner for owner in document["owners"] if owner["name"].startswith(prefix)]
