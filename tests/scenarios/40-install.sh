# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# The installed tree works: the binary, a plugin built out of the tree against the installed header,
# and in-tree plugins as shared objects.
. "$(dirname "$0")/../harness.sh"

BUILD=$(cd "$(dirname "$MOONSET")" && pwd)
PREFIX=$WORK/prefix
EXAMPLE=$WORK/first-plugin
PLUGINS=$EXAMPLE/plugins
# Kept in the build folder, so that only the first run builds all of it.
SHARED_BUILD=$BUILD/shared-plugins
SHARED=$WORK/shared

cached() # NAME: a value of the build's cache
{
    sed -n "s/^$1:[A-Z]*=//p" "$BUILD/CMakeCache.txt"
}

installed() # FILE…: each is there and not empty
{
    local file
    for file in "$@"; do
        [ -s "$file" ] || { echo "$file is missing"; return 1; }
    done
}

refused() # TEXT COMMAND…: fails and says why
{
    local text=$1
    shift
    status_is 1 "$@" && has "$text" "$@"
}

manual_is_complete() # every flag of run --help is in the manual page
{
    local flag missing=0
    for flag in $("$MOONSET" run --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p'); do
        grep -qF -e "--$flag" <(sed 's/\\-/-/g' "$PREFIX/share/man/man1/moonset.1") ||
            { echo "--$flag is not in moonset.1"; missing=1; }
    done
    return $missing
}

build_example()
{
    PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig cmake -S "$ROOT/examples/first-plugin" -B "$EXAMPLE" \
        -DCMAKE_C_FLAGS="-Werror" && cmake --build "$EXAMPLE"
}

build_shared()
{
    cmake -S "$ROOT" -B "$SHARED_BUILD" -G "$(cached CMAKE_GENERATOR)" \
        -DCMAKE_BUILD_TYPE="$(cached CMAKE_BUILD_TYPE)" -DCMAKE_C_FLAGS="$(cached CMAKE_C_FLAGS)" \
        -DCMAKE_C_COMPILER="$(cached CMAKE_C_COMPILER)" -DCMAKE_INSTALL_LIBDIR=lib \
        -DMOONSET_SANITIZE="$(cached MOONSET_SANITIZE)" -DMOONSET_BUILTIN_PLUGINS= \
        -DMOONSET_TESTS=OFF &&
        cmake --build "$SHARED_BUILD" --parallel "$(nproc)" &&
        cmake --install "$SHARED_BUILD" --prefix "$SHARED"
}

admin_get() # PATH: of the admin port that moonset has logged
{
    curl -sf "http://$(sed -n 's/.*topic=admin.*addr=//p' "$WORK/moonset.log" | tail -n 1)$1"
}

# ---- the tree ----
check "install" cmake --install "$BUILD" --prefix "$PREFIX"
LIB=$PREFIX/$(cached CMAKE_INSTALL_LIBDIR)
check "installed files" installed "$PREFIX/bin/moonset" "$PREFIX/include/moonset/plugin.h" \
    "$LIB/pkgconfig/moonset.pc" "$PREFIX/share/moonset/policies/update/rolling.lua" \
    "$PREFIX/share/man/man1/moonset.1"
check "no header but the ABI's" is "$PREFIX/include/moonset/plugin.h" find "$PREFIX/include" -type f
check "no tests among the policies" is "" find "$PREFIX/share/moonset/policies" -name '*_test*'
mkdir "$WORK/moved" && mv "$PREFIX" "$WORK/moved/"
PREFIX=$WORK/moved/prefix
LIB=$PREFIX/$(cached CMAKE_INSTALL_LIBDIR)
MOONSET=$PREFIX/bin/moonset
check "the moved binary runs" has "plugin ABI" "$MOONSET" version
check "as a plugin of kubectl, too" has "usage: kubectl moonset" "$PREFIX/bin/kubectl-moonset" --help
check "built-in plugins" has "built in" "$MOONSET" plugins
check "policies are in the binary" has "update/rolling" "$MOONSET" policy list
check "an installed policy is a right one" status_is 0 "$MOONSET" policy check \
    "$PREFIX/share/moonset/policies/update/rolling.lua"
check "a policy that is not there" status_is 1 "$MOONSET" policy check "$WORK/none.lua"
echo 'return { api = 1, selekt = 1 ' >"$WORK/wrong.lua"
check "a policy that is wrong" refused "wrong.lua:" "$MOONSET" policy check "$WORK/wrong.lua"
check "policy check without a file" status_is 2 "$MOONSET" policy check
mkdir "$WORK/pol"
check "a policy to begin with" is "$WORK/pol/mine.lua
$WORK/pol/mine_test.yaml" "$MOONSET" policy new --dir "$WORK/pol" mine
check "is a right one" status_is 0 "$MOONSET" policy check "$WORK/pol/mine.lua"
check "with all hooks, too" status_is 0 "$MOONSET" policy new --dir "$WORK/pol" all select tolerations rank health gate update
check "which load" status_is 0 "$MOONSET" policy check "$WORK/pol/all.lua"
check "never over another file" refused "File exists" "$MOONSET" policy new --dir "$WORK/pol" mine
check "a hook that there is not" status_is 2 "$MOONSET" policy new --dir "$WORK/pol" other selct
check "a name that is none" status_is 2 "$MOONSET" policy new --dir "$WORK/pol" ../other
check "nothing was written" test ! -e "$WORK/pol/other.lua"
cat >"$WORK/pol/with-params.lua" <<'LUA'
-- Daemons of one pool.
return {
  api = 1,
  params = { pool = { type = "string", default = "blue", doc = "which pool" } },
  select = function(node, set)
    return node.labels.pool == set.params.pool
  end,
}
LUA
check "what a policy says of itself" has "Daemons of one pool." "$MOONSET" policy doc --policy-dir "$WORK/pol" with-params
check "and its parameters" has 'pool (string, default "blue"): which pool' "$MOONSET" policy doc --policy-dir "$WORK/pol"
check "the stock ones, too" has "node-selection/default: select" "$MOONSET" policy doc
check "one that is not there" refused "there is no policy nobody" "$MOONSET" policy doc nobody
check "an unknown flag" status_is 2 "$MOONSET" run --no-such-flag
check "an unknown command" status_is 2 "$MOONSET" poilcy
check "the manual page has every flag" manual_is_complete
check "help" status_is 0 "$MOONSET" --help
check "output to a full disk fails" status_is 1 sh -c "'$MOONSET' --help >/dev/full"

# ---- a plugin out of the tree ----
check "the example builds against the installed header" build_example
check "it is listed" has first-plugin "$MOONSET" plugins --plugin-dir "$PLUGINS"
check "its option is listed" has first-plugin.greeting= "$MOONSET" plugins --plugin-dir="$PLUGINS"
check "its command is in the help" has "say hello" "$MOONSET" --plugin-dir "$PLUGINS" --help
check "its command runs" is hello "$MOONSET" hello --plugin-dir "$PLUGINS"
check "its option is heard" is "good day" "$MOONSET" --plugin-dir "$PLUGINS" hello \
    --plugin-option "first-plugin.greeting=good day"
check "an option it does not have" refused "has no option volume" "$MOONSET" hello \
    --plugin-dir "$PLUGINS" --plugin-option first-plugin.volume=11
chmod g+w "$PLUGINS/first-plugin.so"
check "writable by the group: refused" refused "writable by group or others" "$MOONSET" hello \
    --plugin-dir "$PLUGINS"
chmod g-w "$PLUGINS/first-plugin.so"
check "a folder that is not there" refused "--plugin-dir" "$MOONSET" hello --plugin-dir "$WORK/none"

# ---- in-tree plugins as shared objects ----
check "build and install with no plugin built in" build_shared
check "plugins are installed" installed "$SHARED/lib/moonset/plugins/daemonset.so" \
    "$SHARED/lib/moonset/plugins/sim.so"
check "nothing is built in" lacks "built in" "$SHARED/bin/moonset" plugins
check "both load, with every symbol" has sim.so "$SHARED/bin/moonset" plugins \
    --plugin-dir "$SHARED/lib/moonset/plugins"

MOONSET=$WORK/moonset
printf '#!/bin/sh\nexec "%s" --plugin-dir "%s" --plugin-dir "%s" "$@"\n' "$SHARED/bin/moonset" \
    "$SHARED/lib/moonset/plugins" "$PLUGINS" >"$MOONSET"
chmod 755 "$MOONSET"
cluster_up node-1 node-2
check "nothing to run is an error" refused "anything to run" "$SHARED/bin/moonset" run --listen ""
moonset_up
eventually 10 "the controller is ready" admin_get /readyz
check "its checks name both controllers" has first-plugin admin_get /readyz
check "the plugin's route answers" is hello admin_get /first-plugin/hello
eventually 10 "the plugin has labelled every node" is "seen seen" k get nodes \
    -o 'jsonpath={.items[*].metadata.labels.moonset\.dev/first-plugin}'
k apply -f "$ROOT/examples/quickstart/daemonset_demo.yml" >/dev/null
eventually 20 "the daemonset plugin keeps the set" is "2 2 2 2 2" ds_counts daemonset-demo-prometheus
moonset_down
check "SIGTERM ends it in good order" test $? -eq 0
finish
