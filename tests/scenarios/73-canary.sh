# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A canary on 3 of 30 nodes: the others keep the stable revision, whatever happens to their pods, and
# a node that is taken out of the canary goes back. And resources that are a share of the node.
. "$(dirname "$0")/../harness.sh"

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/canary.lua" <<'LUA'
-- Nodes with the label `canary` get the newest revision, the others stay with the stable one.
return {
  api = 1,
  params = { promote = { type = "boolean", default = false, doc = "everybody gets the newest" } },
  mutate = function(pod, node, set)
    local ahead = set.params.promote or node.labels.canary == "true"
    pod:revision(ahead and "current" or "stable")
  end,
}
LUA
cat >"$policies/share.lua" <<'LUA'
-- Requests: 5 % of what the node has.
return {
  api = 1,
  mutate = function(pod, node, set)
    local has = node.allocatable
    if has.cpu then
      pod:resources("c", { requests = { cpu = has.cpu * 5 / 100 } })
    end
  end,
}
LUA

# images [NODE…]: how many pods of each image there are, of these nodes only: "27 agent 3 agent:v2".
images()
{
    k get pods -l app=agent -o json | jq -r --arg nodes " $* " '.items[]
        | select($nodes == "  " or (.spec.nodeName as $n | $nodes | contains(" \($n) ")))
        | select(.metadata.deletionTimestamp == null) | .spec.containers[0].image' |
        sort | uniq -c | xargs
}

pod_on() # NODE
{
    k get pods -l app=agent -o json | jq -r --arg node "$1" \
        '.items[] | select(.spec.nodeName == $node and .metadata.deletionTimestamp == null) | .metadata.name'
}

cpu_on() # NODE
{
    k get pod "$(pod_on "$1")" -o 'jsonpath={.spec.containers[0].resources.requests.cpu}'
}

# stable: the image of the revision that was stable last.
stable()
{
    k get controllerrevisions -o json | jq -r '[.items[]
        | select(.metadata.annotations["moonset.dev/stable"])]
        | sort_by(.metadata.annotations["moonset.dev/stable"]) | last
        | .data.spec.template.spec.containers[0].image'
}

explain()
{
    "$MOONSET" explain --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" default/agent "$@"
}

planned()
{
    "$MOONSET" plan --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies"
}

replaced() # POD: another one has its place
{
    ! k get pod "$1" >/dev/null 2>&1
}

cluster_up
for i in $(seq -w 30); do
    case $i in
    0[1-3]) add_node "n$i" canary=true ;;
    *) add_node "n$i" ;;
    esac
done
moonset_up --policy-dir "$policies"
create_agent
k annotate ds agent moonset.dev/policies=canary >/dev/null
k patch ds agent -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":5}}}}' >/dev/null
eventually 60 "thirty pods" is "30 30 30 30 30" ds_counts agent
eventually 20 "the first rollout is complete, so its revision is stable" is "agent" stable

k set image ds/agent c=agent:v2 >/dev/null
eventually 60 "the canary's nodes have the new image" is "3 agent:v2" images n01 n02 n03
eventually 20 "the status tells what is so" is "30 30 30 3 30" ds_counts agent
check "all others keep the old one" is "27 agent 3 agent:v2" images
check "explain says what a node wants, and who says so" has "the stable one (policy canary)" explain n07
check "nothing is planned" has "nothing to do" planned

add_node n31
eventually 30 "a new node gets a pod" is "31 31 31 3 31" ds_counts agent
check "of the stable revision" is "1 agent" images n31
pod=$(pod_on n07)
k delete pod "$pod" --wait=false >/dev/null
eventually 30 "a pod that is killed is replaced" replaced "$pod"
eventually 30 "by one of the stable revision" is "1 agent" images n07
pod=$(pod_on n02)
k delete pod "$pod" --wait=false >/dev/null
eventually 30 "a canary's pod that is killed is replaced" replaced "$pod"
eventually 30 "by one of the new revision" is "1 agent:v2" images n02
k label node n03 canary- >/dev/null
eventually 30 "a node that is no canary any more goes back" is "1 agent" images n03
k label node n09 canary=true >/dev/null
eventually 30 "one that becomes a canary goes ahead" is "1 agent:v2" images n09

moonset_down
moonset_up --policy-dir "$policies"
add_node n32
eventually 30 "a new process knows the stable revision" is "1 agent" images n32
eventually 20 "and moves nothing" is "32 32 32 3 32" ds_counts agent
check "not one pod" is "29 agent 3 agent:v2" images

k annotate ds agent 'moonset.dev/params={promote: true}' >/dev/null
eventually 90 "promoted, it is everywhere" is "32 agent:v2" images
eventually 20 "and that is complete" is "32 32 32 32 32" ds_counts agent
eventually 20 "so it is the stable revision now" is "agent:v2" stable
eventually 30 "kubectl agrees" k rollout status ds/agent --timeout=1s
k annotate ds agent moonset.dev/params- >/dev/null
k set image ds/agent c=agent:v3 >/dev/null
eventually 60 "the next canary" is "29 agent:v2 3 agent:v3" images
k rollout undo ds/agent >/dev/null
eventually 60 "undone" is "32 agent:v2" images
eventually 20 "that was the stable one, and is" is "agent:v2" stable

# Resources by node size.
k annotate --overwrite ds agent moonset.dev/policies=share >/dev/null
k patch node n05 --subresource=status -p '{"status":{"allocatable":{"cpu":"8"}}}' >/dev/null
eventually 60 "a pod asks for its share of the node" is "400m" cpu_on n05
eventually 60 "all are available" is "32 32 32 32 32" ds_counts agent
k patch node n05 --subresource=status -p '{"status":{"allocatable":{"cpu":"16"}}}' >/dev/null
eventually 30 "the node has grown: its pod is replaced" is "800m" cpu_on n05
eventually 30 "once" is "32 32 32 32 32" ds_counts agent
k label node n05 something=else >/dev/null
eventually 20 "what the policy does not look at replaces nothing" has "nothing to do" planned
check "all have the old image" is "32 agent:v2" images
check "explain shows the edits" has "resources/requests/cpu" explain n05
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
