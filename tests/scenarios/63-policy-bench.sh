# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# `moonset policy bench` measures stock policies and files, over nodes that are made up; no cluster is
# needed.
. "$(dirname "$0")/../harness.sh"

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/small-first.lua" <<'LUA'
return {
  api = 1,
  params = { pool = { type = "string", required = true } },
  select = function(node, set)
    return node.labels.pool == set.params.pool, "another pool"
  end,
  rank = function(node)
    return node.capacity.cpu:milli()
  end,
  health = function(pod)
    return pod.restarts > 2 and "failed" or "ready"
  end,
}
LUA
cat >"$policies/wrong.lua" <<'LUA'
return { api = 1, select = function(node) return node.lables.pool end }
LUA

bench()
{
    "$MOONSET" policy bench --nodes 300 "$@"
}

# field FILTER ARG…: of the JSON that bench prints.
field()
{
    local filter=$1
    shift
    bench -o json "$@" | jq -r "$filter"
}

file=$policies/small-first.lua
check "the stock policies are measured" \
    is "select tolerations update" field '[.policies[].hooks[].hook] | join(" ")'
check "… update takes a hundred actions" \
    is 100 field '.policies[].hooks[] | select(.hook == "update").actions'
check "a file is measured, each hook of it" is "small-first: select rank health" \
    field '.policies[0] | .policy + ": " + ([.hooks[].hook] | join(" "))' --params '{pool: blue}' "$file"
check "… all of them took time" is true \
    field '[.policies[] | .reload_ms, .hooks[].plain_ns] | all(. > 0)' --params '{pool: blue}' "$file"
check "the table names them" has "node-selection/default" bench
check "a parameter that is missing is named" has "parameter 'pool' is required" bench "$file"
check "a policy that fails is told" has "a node has no field 'lables'" bench "$policies/wrong.lua"
check "a policy that is not there is named" has "policy small-fist is not known (did you mean 'small-first'?)" \
    bench --policy-dir "$policies" small-fist
check "a number that is none is refused" has "not a number of nodes: many" bench --nodes many
finish
