# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# An author writes a policy and its test: `moonset policy new`, `check` and `test` tell what is wrong
# with either, and where. No cluster is needed.
. "$(dirname "$0")/../harness.sh"

policies=$WORK/policies
mkdir -p "$policies"
cd "$policies" || exit 1

policy()
{
    "$MOONSET" policy "$@"
}

# ---- a new policy comes with its test ----
check "a new policy and its test" is "./begun.lua
./begun_test.yaml" policy new begun select gate update
check "both are well formed" is "begun.lua: ok
begun_test.yaml: ok" policy check begun.lua
check "the test passes" has "1 passed, 0 failed" policy test
mkdir every
check "with every hook" status_is 0 policy new --dir every all select tolerations mutate rank \
    health gate update analyze status
check "which answer as the test says" has "1 passed, 0 failed" policy test every
rm -r every
check "nothing is written over" status_is 1 policy new begun

# ---- a policy that is right, wrong and right again ----
cat >edge-only.lua <<'LUA'
return {
  api = 1,
  name = "edge-only",
  params = { key = { type = "string", default = "edge" } },

  select = function(node, set)
    if node.labels[set.params.key] ~= "true" then
      return false, "no " .. set.params.key .. " node"
    end
    return true
  end,

  gate = function(roll, set)
    local night = moonset.time.window("22:00-05:00", "UTC")
    return night:is_open(roll.now), "not at night", night:opens_in(roll.now)
  end,
}
LUA
cat >edge-only_test.yaml <<'YAML'
nodes:
  n1: { labels: { edge: true } }
  n2:
  n3: { labels: { edge: true, gpu: true } }
pods: { "*": old }

cases:
- name: edge nodes only
  expect:
    select: { "*": run, n2: evict "no edge node" }

- name: another label
  params: { key: gpu }
  expect:
    select: { "*": evict, n3: run }

- name: by day the update waits
  now: 2026-11-30T21:00:00Z
  expect:
    gate: { open: false, reason: not at night, again: 1h }
    update: []

- name: at night it goes on
  now: 2026-11-30T22:00:00Z
  expect:
    update: [replace n1 outdated]
YAML
check "all pass" has "4 passed, 0 failed" policy test edge-only
check "by the file of the policy" has "4 passed, 0 failed" policy test edge-only.lua
check "by the file of the test" has "4 passed, 0 failed" policy test "$policies/edge-only_test.yaml"
check "by the folder" has "5 passed, 0 failed" policy test "$policies"
check "and from elsewhere" has "4 passed, 0 failed" policy test --policy-dir "$policies" edge-only
check "which is status 0" status_is 0 policy test

sed -i 's/~= "true"/== "true"/' edge-only.lua
check "a mistake is seen" has "1 passed, 3 failed" policy test edge-only
check "with the line of what was expected" has "line 10: select.n2" policy test edge-only
check "and what came instead" has "got:      evict \"no edge node\"" policy test edge-only
check "which is status 1" status_is 1 policy test
json()
{
    policy test edge-only -o json | jq -r "$1"
}
check "for programs" is "1 3 false select.n1" json \
    '"\(.passed) \(.failed) \(.cases[0].passed) \(.cases[0].differences[0].path)"'
sed -i 's/== "true"/~= "true"/' edge-only.lua

# ---- the same answer, whatever the order ----
cat >chance.lua <<'LUA'
return {
  api = 1,
  gate = function(roll, set)
    for why in pairs { holidays = true, night = true, weekend = true, freeze = true } do
      return false, why
    end
  end,
}
LUA
cat >chance_test.yaml <<'YAML'
cases:
- name: the gate is closed
  expect: { gate: closed }
YAML
check "an answer that hangs on chance" has "asked again in another order (seed 7)" \
    policy test chance --seed 7
rm chance.lua chance_test.yaml

# ---- what it costs, and what was run ----
check "instructions" has "select      3 calls" policy test edge-only --count
check "every line was run" has "edge-only.lua: 100.0 % (" policy test edge-only --coverage
sed -i '/name: by day/,$d' edge-only_test.yaml
check "or was not" has "never run: 14-15" policy test edge-only --coverage

# ---- what is malformed ----
sed -i 's/labels: { edge: true } }/lables: { edge: true } }/' edge-only_test.yaml
check "a typo in a test" is \
    "moonset: edge-only_test.yaml:2: case 'edge nodes only': nodes.n1: unknown key 'lables' (did you mean 'labels'?)" \
    policy check edge-only_test.yaml
check "is seen with the policy, too" has "edge-only_test.yaml:2: " policy check edge-only.lua
check "and fails the check" status_is 1 policy check edge-only.lua
echo 'return { api = 1, selekt = 1 }' >edge-only.lua
check "a policy that does not load fails its tests" status_is 1 policy test edge-only
mkdir "$WORK/empty"
check "a folder without tests" has "there are no tests" policy test "$WORK/empty"
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
