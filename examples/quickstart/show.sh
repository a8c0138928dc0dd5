# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# show.sh - what the demos have in common: a folder to work in, building, and commands that are shown as a
# user would type them. ROOT is the project's folder.

NAME=$(basename "$0")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/moonset-demo.XXXXXX")
export KUBECONFIG=$WORK/kubeconfig
BACKGROUND= # processes to end

cleanup()
{
    local status=$?
    for pid in $BACKGROUND; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ "$status" -ne 0 ]; then
        echo "$NAME: failed; the log is in $WORK/moonset.log" >&2
        tail -n 20 "$WORK/moonset.log" >&2 2>/dev/null || true
    else
        rm -rf "$WORK"
    fi
}
trap cleanup EXIT

title()
{
    printf '\n\033[1m== %s\033[0m\n' "$*"
}

# Show a command as a user would type it, then run it.
run()
{
    printf '$ %s\n' "$*"
    "$@"
}

# until_is TEXT COMMAND…: wait until the command prints exactly this, at most 30 s.
until_is()
{
    local want=$1 got='' deadline=$((SECONDS + 30))
    shift
    while got=$("$@" 2>/dev/null) || true; [ "$got" != "$want" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "$NAME: waited for \"$want\", have \"$got\": $*" >&2
            return 1
        fi
        sleep 0.1
    done
}

build()
{
    "$ROOT/tests/install-deps" demo
    cmake -S "$ROOT" -B "$ROOT/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DMOONSET_TESTS=OFF >"$WORK/build.log" 2>&1 &&
        ninja -C "$ROOT/build" >>"$WORK/build.log" 2>&1 ||
        { tail -n 30 "$WORK/build.log" >&2; return 1; }
}
