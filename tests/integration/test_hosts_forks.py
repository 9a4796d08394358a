"""fork at any moment: threads allocate, purge and close states, while another forks children that must run Lua and end well."""
import pytest

from hosts.evidence import assert_heap_in_use

pytestmark = pytest.mark.preload

CHILDREN = 300


@pytest.mark.seconds(120)
def test_fork_at_any_moment(workshop, native, respire, runtime):
    """Hundreds of children: each goes on in the state that it inherited and in a new one, and nothing hangs."""
    host = native(workshop.program("forks"), CHILDREN, preload=[runtime], options="decay_ms=500")
    told = host.told(seconds=100)
    assert "bad_status" not in told
    assert told["good"] == CHILDREN
    assert told["rounds"] > 10
    assert_heap_in_use(respire, host.pid, told["count_bytes"])
    host.go_on()
    host.finish()
