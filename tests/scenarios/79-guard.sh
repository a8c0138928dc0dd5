# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A version that would take the daemon from many nodes is held until it is approved; one that does
# not load leaves the last good one in force. Both also over a restart. A shadow only reports.
. "$(dirname "$0")/../harness.sh"

log=$WORK/moonset.log

# deliver EXPRESSION: the policy "mine" of a ConfigMap, running where this is true.
deliver()
{
    k -n kube-system create configmap own --dry-run=client -o json \
        --from-literal="mine.lua=return { api = 1, select = function(node, set) return $1, 'as told' end }" |
        jq '.metadata.labels = {"moonset.dev/policies": "true"}' | k apply -f - >/dev/null
}

events()
{
    k get events --field-selector "involvedObject.name=agent,reason=$1" -o json | jq -r '.items[].message'
}

explain()
{
    "$MOONSET" explain --kubeconfig "$MOONSET_KUBECONFIG" default/agent
}

kept()
{
    k -n kube-system get configmap moonset-policies-last-good -o json | jq -r '.data["last-good.json"]'
}

# condition TYPE MEMBER: nothing when there is no such condition.
condition()
{
    k get ds agent -o "jsonpath={.status.conditions[?(@.type==\"$1\")].$2}"
}

# What the condition says has to be written to let it pass.
hash()
{
    condition PolicyChangeHeld message | sed 's/.*moonset.dev\/approve=//'
}

running_on()
{
    pod_nodes app=agent | wc -w
}

restart()
{
    moonset_down
    : >"$log"
    moonset_up
    eventually 20 "a new process works" grep -q "caches are complete" "$log"
}

cluster_up
for i in 1 2 3 4 5 6 7 8; do
    add_node "n$i" "number=$i"
done
moonset_up
deliver 'true'
create_agent
k annotate ds agent moonset.dev/policies=mine >/dev/null
eventually 30 "on all nodes" is 8 running_on
eventually 10 "what decides is kept" has "as told" kept

deliver 'true, }'
eventually 20 "one that does not load is told" has "policy mine: mine.lua:1:" events PolicyNotLoaded
eventually 10 "for as long as that is so" has "policy mine: mine.lua:1:" condition PolicyLastGood message
restart
add_node n9 number=9
eventually 20 "the last good one decides, also after a restart" is 9 running_on
check "explain says so" has "last good" explain
check "the condition, too" is "True" condition PolicyLastGood status

deliver 'node.labels.number == "1"'
eventually 20 "one that takes the daemon from 8 of 9 nodes is held" has "would take the daemon away from 8 of 9 nodes" events PolicyChangeHeld
eventually 10 "for as long as it is held" has "from 8 of 9 nodes (5 may be): n2, n3" condition PolicyChangeHeld message
eventually 10 "what was there before loads" is "" condition PolicyLastGood status
check "explain tells how to let it pass" has "moonset.dev/approve=$(hash)" explain
since=$(condition PolicyChangeHeld lastTransitionTime)
restart
eventually 20 "and still after a restart" grep -q "a change of a policy is held" "$log"
add_node n10 number=10
eventually 20 "where the one before decides" is 10 running_on
check "it is held since the same time" is "$since" condition PolicyChangeHeld lastTransitionTime
k annotate ds agent "moonset.dev/approve=$(hash)" >/dev/null
eventually 20 "approved: only one is left" is "n1" pod_nodes app=agent
eventually 10 "and nothing is held" is "" condition PolicyChangeHeld status

deliver 'true'
eventually 20 "back again: nothing is taken away, so nothing is held" is 10 running_on
k annotate ds agent moonset.dev/policies- moonset.dev/approve- moonset.dev/shadow=mine >/dev/null
deliver 'node.labels.number ~= "3"'
eventually 20 "a shadow tells what it would do" has "Shadow policy mine decides otherwise for 1 nodes: n3 (evict, not run)" events ShadowDiffers
check "explain, too" has "n3 (evict, not run)" explain
check "and nothing is done" is 10 running_on
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
