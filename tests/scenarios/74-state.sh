# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What policies say, remember and ask: the condition that tells whether they work, what they keep across a
# restart, waiting for another set's daemon, and fields of nodes. All is seen with kubectl.
. "$(dirname "$0")/../harness.sh"

condition() # TYPE FIELD
{
    k get ds agent -o "jsonpath={.status.conditions[?(@.type==\"$1\")].$2}"
}

policies=$WORK/policies
mkdir -p "$policies"

cluster_up n1 n2 n3
moonset_up --policy-dir "$policies"
create_agent
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
check "a set without policies has no conditions" is "" k get ds agent -o 'jsonpath={.status.conditions}'
k patch ds agent --subresource=status --type=merge \
    -p '{"status":{"conditions":[{"type":"example.com/Theirs","status":"True","reason":"R","message":"m"}]}}' >/dev/null

k annotate ds agent moonset.dev/policies=edge >/dev/null
eventually 20 "a policy that is not known" is "False PolicyNotFound" k get ds agent \
    -o 'jsonpath={.status.conditions[?(@.type=="PolicyHealthy")].status} {.status.conditions[?(@.type=="PolicyHealthy")].reason}'
check "the condition says which" has "policy edge is not known" condition PolicyHealthy message
check "what others say stays" is "True" condition example.com/Theirs status
check "the counters stay" is "3 3 3 3 3" ds_counts agent
moonset_down
cat >"$policies/edge.lua" <<'LUA'
return { api = 1, select = function(node, set) return node.labels.edge.x == nil end }
LUA
moonset_up --policy-dir "$policies"
eventually 20 "a policy that fails" is "PolicyFailed" condition PolicyHealthy reason
check "with its place" has "edge.lua:1:" condition PolicyHealthy message
check "nothing was deleted" is "3 3 3 3 3" ds_counts agent
cat >"$policies/edge.lua" <<'LUA'
return { api = 1, select = function(node, set) return node.name ~= "n3" end }
LUA
eventually 20 "mended" is "True" condition PolicyHealthy status
eventually 20 "and followed" is "2 2 2 2 2" ds_counts agent
k annotate ds agent moonset.dev/policies- >/dev/null
eventually 20 "it goes with the last policy" is "" condition PolicyHealthy status
check "what others say is still there" is "True" condition example.com/Theirs status

# ---- remembering
remembered()
{
    k get ds agent -o json | jq -r '.metadata.annotations["moonset.dev/state"] // ""'
}

image_count() # IMAGE
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | grep -cx "$1"
}

cat >"$policies/once.lua" <<'LUA'
-- One node for each value of the parameter: what has been done is remembered.
return {
  api = 1,
  params = { wave = { type = "integer", default = 1 } },
  update = function(roll, set)
    if moonset.kv.get("done") == set.params.wave then
      return
    end
    for pod in roll:outdated { limit = 1 } do
      roll:replace(pod, "wave " .. set.params.wave)
      moonset.kv.set("done", set.params.wave)
      moonset.event("Normal", "WaveBegun", "wave " .. set.params.wave .. " is on " .. pod.node_name)
      moonset.metric.inc("waves")
    end
  end,
  status = function(roll, set)
    return {
      message = roll.counts.updated .. " of " .. roll.desired .. " are new",
      conditions = { { type = "example.com/Rolled", status = roll.counts.outdated == 0, reason = "Counted" } },
    }
  end,
}
LUA
eventually 30 "all are there" is "3 3 3 3 3" ds_counts agent
k annotate ds agent moonset.dev/policies=once >/dev/null
k set image ds/agent c=agent:v2 >/dev/null
eventually 30 "the first wave is remembered" has '"once":{"done":1}' remembered
eventually 30 "one pod is new" is "1" image_count agent:v2
eventually 10 "the policy's words" is "1 of 3 are new" condition PolicyStatus message
check "and its condition" is "False" condition example.com/Rolled status
eventually 10 "the policy's Event" has "wave 1 is on" k get events --field-selector involvedObject.name=agent
moonset_down
k annotate --overwrite ds agent 'moonset.dev/state={broken' >/dev/null
moonset_up --policy-dir "$policies"
eventually 30 "a broken memory is told" has "moonset.dev/state cannot be read" condition PolicyHealthy message
check "and left alone" is "{broken" remembered
k annotate --overwrite ds agent 'moonset.dev/state={"once":{"done":1}}' >/dev/null
check "a new process begins no second wave" is "1" image_count agent:v2
k annotate ds agent 'moonset.dev/params={wave: 2}' >/dev/null
eventually 30 "the next wave" is "2" image_count agent:v2
eventually 10 "is remembered" has '"once":{"done":2}' remembered
k annotate ds agent moonset.dev/policies- moonset.dev/params- moonset.dev/state- >/dev/null
eventually 60 "all are new" is "3" image_count agent:v2
eventually 20 "nobody's words go" is "" condition example.com/Rolled status

# ---- asking about another set's daemon, and for a field of the node
cat >"$policies/after.lua" <<'LUA'
local first = moonset.peer("default/agent")
return {
  api = 1,
  fields = { "/spec/podCIDR" },
  select = function(node, set)
    if not first:ready_on(node) then
      return "keep", "agent is not ready"
    end
    return node:raw("/spec/podCIDR") ~= "10.99.3.0/24"
  end,
}
LUA
k patch node n3 --type=merge -p '{"spec":{"podCIDR":"10.99.3.0/24","podCIDRs":["10.99.3.0/24"]}}' >/dev/null
add_node n4 agent=no
k patch ds agent --type=merge \
    -p '{"spec":{"template":{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"agent","operator":"DoesNotExist"}]}]}}}}}}}' >/dev/null
k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: second, annotations: {moonset.dev/policies: after}}
spec:
  selector: {matchLabels: {app: second}}
  template:
    metadata: {labels: {app: second}}
    spec: {containers: [{name: c, image: second}]}
YAML
eventually 60 "it runs where the first is ready, but on one node for its field" is "n1 n2" pod_nodes app=second
k label node n4 agent- >/dev/null
eventually 30 "the first comes to the last node" is "n1 n2 n3 n4" pod_nodes app=agent
eventually 30 "and the second after it" is "n1 n2 n4" pod_nodes app=second

moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
