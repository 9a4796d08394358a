"""Fixtures of the integration tests: respire itself, and real processes for it to look at."""
import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import sys

import pytest

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
sys.path.insert(0, str(FIXTURES))
pytest.register_assert_rewrite("analyzer", "answers", "counting_worker", "hosts", "ledger", "malloc_targets", "processes",
                              "shared_zones")

import foreign_suite  # noqa: E402  (found through the lines above)
import old_c_library  # noqa: E402
import pool_keeper  # noqa: E402
from analyzer import Respire  # noqa: E402
from hosts.native import Native, Workshop  # noqa: E402
from malloc_targets import MallocProgram, compile_for_machine  # noqa: E402
from processes import Host, Nginx, public_directory  # noqa: E402
from shared_zones import ZonedNginx  # noqa: E402

TEST_SECONDS = 60


def build_directory():
    return pathlib.Path(os.environ.get("RESPIRE_BUILD", "build")).resolve()


def pytest_configure(config):
    if not (build_directory() / "respire").exists():
        pytest.exit(f"no respire in {build_directory()}: run `make build`, or name another build in RESPIRE_BUILD", 2)
    config.addinivalue_line("markers", "seconds(limit): the test may take longer than the usual limit")
    config.addinivalue_line("markers", "preload: loads the runtime into a program that was not built with sanitizers")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A hard limit for every test with its fixtures."""
    marker = item.get_closest_marker("seconds")
    limit = marker.args[0] if marker else TEST_SECONDS

    def too_late(_signal, _frame):
        raise TimeoutError(f"the test took more than {limit} s")
    usual = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, usual)


@pytest.fixture(scope="session")
def build():
    return build_directory()


@pytest.fixture(scope="session")
def respire(build):
    return Respire(build / "respire")


@pytest.fixture(scope="session")
def runtime(build):
    """What LD_PRELOAD names."""
    return build / "librespire.so"


@pytest.fixture(scope="session")
def host_program(tmp_path_factory):
    program = tmp_path_factory.mktemp("host") / "host"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "luajit"], check=True, capture_output=True, text=True)
    subprocess.run(["gcc", "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", str(FIXTURES / "host.c"),
                    "-o", str(program), *flags.stdout.split(), "-pthread"], check=True, timeout=TEST_SECONDS)
    return program


@pytest.fixture
def host(host_program, tmp_path):
    """host(script="…Lua…", states=, threads=, allocator=, suite=, command=): a fresh host, stopped after the test."""
    with contextlib.ExitStack() as started:
        def start(script=None, suite=None, **options):
            if script is not None:
                options["script"] = tmp_path / f"script-{len(list(tmp_path.iterdir()))}.lua"
                options["script"].write_text(script, encoding="utf-8")
            program = host_program
            if suite is not None:
                *options["command"], program = suite.command(host_program)
                options["environment"] = suite.environment()
            process = Host(program, **options)
            started.callback(process.stop)
            return process
        yield start


@pytest.fixture(scope="session")
def workshop():
    """The C hosts of tests/integration/hosts, compiled."""
    shop = Workshop()
    yield shop
    shop.close()


@pytest.fixture
def native():
    """native(program, …, preload=[…]): a C host, stopped after the test."""
    with contextlib.ExitStack() as started:
        def start(program, *arguments, **options):
            process = Native(program, *arguments, **options)
            started.callback(process.stop)
            return process
        yield start


@pytest.fixture(scope="session")
def bookworm():
    """LuaJIT proper of the machine's own release, whose package can't be installed beside the machine's luajit2."""
    return _suite_or_skip(_bring("bookworm"))


@pytest.fixture(scope="session")
def proper_luajit(bookworm):
    """Its library."""
    return bookworm.library_directories[0] / "libluajit-5.1.so.2"


@pytest.fixture
def nginx():
    """nginx(http=, server=, main=, workers=, preload=, suite=): a fresh nginx, stopped after the test."""
    with contextlib.ExitStack() as started:
        def start(**options):
            server = Nginx(started.enter_context(public_directory()), **options)
            started.callback(server.stop)
            return server
        yield start


@pytest.fixture
def zoned(nginx, respire):
    """zoned(http=, suite=, …): a fresh nginx that tells its zones' contents, and how respire sees them."""
    with contextlib.ExitStack() as started:
        def start(**options):
            server = ZonedNginx(nginx, respire, **options)
            started.callback(server.close)
            return server
        yield start


@pytest.fixture(scope="session")
def malloc_program(tmp_path_factory):
    return compile_for_machine(FIXTURES / "malloc_program.c", tmp_path_factory.mktemp("malloc") / "malloc_program")


@pytest.fixture
def malloc(malloc_program):
    """malloc(glibc="2.36", environment=): a fresh program that uses malloc under that C library, stopped after the test."""
    with contextlib.ExitStack() as started:
        def start(glibc="2.36", environment=None):
            program = MallocProgram(_command_under(glibc, malloc_program), environment)
            started.callback(program.stop)
            return program
        yield start


def _command_under(glibc, program):
    """How to start it: the machine's C library is that of bookworm."""
    release = {"2.31": "bullseye", "2.36": None, "2.41": "trixie", "2.43": "sid"}[glibc]
    if release is None:
        return [str(program)]
    try:
        if release == "bullseye":
            return old_c_library.compile_for(release, build_directory() / "foreign", FIXTURES / "malloc_program.c")
        return foreign_suite.bring(release, build_directory() / "foreign").command(program)
    except foreign_suite.Unavailable as reason:
        pytest.skip(f"glibc {glibc} not to be had: {reason}")


@pytest.fixture
def keeper(nginx):
    """keeper(http=, server=, suite=): a fresh nginx that keeps pools of known size in known places."""
    with contextlib.ExitStack() as started:
        def start(suite=None, **blocks):
            try:
                module = pool_keeper.build(build_directory(), suite)
            except foreign_suite.Unavailable as reason:
                pytest.skip(f"nginx-dev not to be had: {reason}")
            server = nginx(suite=suite, **pool_keeper.configuration(module, **blocks))
            pools = pool_keeper.PoolKeeper(server)
            started.callback(pools.close)
            return pools
        yield start


def pytest_generate_tests(metafunc):
    """
    A test that takes `any_nginx` runs once with each release of nginx, the machine's first. One that takes `suite` runs
    once with each foreign release that has GC64; with `any_suite`, also with one that has not; with `nginx_suite`, with
    each that has nginx and GC64.
    """
    wide = ["bookworm", "trixie", "sid"]
    if "any_nginx" in metafunc.fixturenames:
        metafunc.parametrize("any_nginx", ["machine", "bullseye-nginx", "trixie", "sid"], indirect=True)
    for fixture, names in (("suite", wide), ("any_suite", ["bullseye", *wide]), ("nginx_suite", ["trixie", "sid"])):
        if fixture in metafunc.fixturenames:
            releases = [_bring(name) for name in names]
            metafunc.parametrize(fixture, releases, indirect=True, ids=[_label(fixture, name, release)
                                                                        for name, release in zip(names, releases)])


@functools.lru_cache
def _bring(name):
    """The release, or the reason why it can't be had."""
    try:
        return foreign_suite.bring(name, build_directory() / "foreign")
    except foreign_suite.Unavailable as reason:
        return reason


def _label(fixture, name, release):
    if isinstance(release, foreign_suite.Unavailable):
        return f"{name}-unavailable"
    return release.nginx_label if fixture == "nginx_suite" else release.label


@pytest.fixture
def any_nginx(request):
    """What processes.Nginx takes as its suite: None is the machine's own."""
    return None if request.param == "machine" else _suite_or_skip(_bring(request.param))


@pytest.fixture
def narrow_suite():
    """A release whose LuaJIT was built without GC64."""
    return _suite_or_skip(_bring("bullseye"))


def _suite_or_skip(release):
    if isinstance(release, foreign_suite.Unavailable):
        pytest.skip(f"release not to be had: {release}")
    return release


@pytest.fixture
def suite(request):
    return _suite_or_skip(request.param)


@pytest.fixture
def any_suite(request):
    return _suite_or_skip(request.param)


@pytest.fixture
def nginx_suite(request):
    return _suite_or_skip(request.param)
