#!/bin/sh
# Installs what respire needs from Debian, and nothing when all of it is there.
#
# Usage: packaging/setup.sh GROUP...
#   build  compiler, build tool and libraries of the analyzer and the runtime
#   demo   nginx with ngx_lua, a load generator, a plotter
#   check  test framework, second compiler, debugger for core files, browser, further programs with LuaJIT inside
#   bench  the allocators that the runtime is measured against
#
# Installing a server must not leave it running, so services
# are forbidden to start while apt works (unless the administrator already
# keeps a policy of their own, which is then left as it is).
set -eu

build="gcc libc6-dev make meson ninja-build pkg-config libelf-dev libjansson-dev libzstd-dev"
demo="nginx libnginx-mod-http-lua wrk gnuplot-nox python3"
hosts="neovim knot-resolver rspamd trafficserver trafficserver-experimental-plugins"
check="libcmocka-dev python3-pytest zstd libluajit2-5.1-dev clang gdb git lua-resty-core lua-resty-lrucache chromium $hosts"
bench="libluajit2-5.1-dev libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4"

wanted=""
for group in "$@"; do
    case $group in
    build) wanted="$wanted $build" ;;
    demo) wanted="$wanted $demo" ;;
    check) wanted="$wanted $check" ;;
    bench) wanted="$wanted $bench" ;;
    *) echo "setup: no group named '$group' (build, demo, check, bench)" >&2; exit 2 ;;
    esac
done

missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "setup: installing$missing"
if [ "$(id -u)" != 0 ]; then
    echo "setup: this needs root; run as root:  apt-get install$missing" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi

log=$(mktemp)
install_missing() {
    # shellcheck disable=SC2086  # the list is meant to split into words
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing > "$log" 2>&1
}
apt-get update -qq > "$log" 2>&1 || true   # an old list may still do; the install decides
if ! install_missing; then
    echo "setup: apt-get install failed; its last lines:" >&2
    tail -n 15 "$log" >&2
    echo "setup: the whole log is $log" >&2
    exit 1
fi
rm -f "$log"
