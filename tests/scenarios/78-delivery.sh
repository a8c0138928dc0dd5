# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# Policies come in ConfigMaps: placement follows what is applied, and what does not load, or fails
# its own tests, changes nothing.
. "$(dirname "$0")/../harness.sh"

log=$WORK/moonset.log

# deliver NAME KEY=TEXT…: a ConfigMap with policies.
deliver()
{
    local name=$1 item
    local args=()
    shift
    for item in "$@"; do
        args+=("--from-literal=$item")
    done
    k -n kube-system create configmap "$name" "${args[@]}" --dry-run=client -o json |
        jq '.metadata.labels = {"moonset.dev/policies": "true"}' | k apply -f - >/dev/null
}

select_by() # EXPRESSION
{
    echo "return { api = 1, select = function(node, set) return $1, 'as told' end }"
}

cluster_up
for i in 1 2 3 4; do
    add_node "n$i" "number=$i"
done
moonset_up
create_agent
eventually 30 "on all nodes" is "n1 n2 n3 n4" pod_nodes app=agent
k annotate ds agent moonset.dev/policies=mine >/dev/null
eventually 20 "a policy that is not there" has "PolicyNotFound" k get events --field-selector involvedObject.name=agent
check "changes nothing" is "n1 n2 n3 n4" pod_nodes app=agent

deliver own "mine.lua=local avoid = require('words') $(select_by 'node.labels.number ~= avoid')" "words=return '4'"
eventually 20 "it comes in a ConfigMap, with a module" is "n1 n2 n3" pod_nodes app=agent
deliver own "mine.lua=$(select_by 'node.labels.number ~= "1"')"
eventually 20 "and changes there" is "n2 n3 n4" pod_nodes app=agent
deliver own "mine.lua=return { api = 1,"
eventually 20 "one that does not load" has "mine.lua:1:" grep "policy not loaded" "$log"
check "changes nothing" is "n2 n3 n4" pod_nodes app=agent
deliver own "mine.lua=$(select_by 'node.name == "n4"')" "mine_test.yaml=
nodes: [n1]
cases:
- name: it likes n1
  expect: { select: { n1: run } }"
eventually 20 "one whose tests fail" has "its tests fail: mine_test.yaml:" grep "policy not loaded" "$log"
check "changes nothing" is "n2 n3 n4" pod_nodes app=agent
deliver zz "mine.lua=$(select_by 'node.labels.number ~= "2"')"
eventually 20 "the later ConfigMap wins" is "n1 n3 n4" pod_nodes app=agent
check "and the log says so" grep -q 'by="configmap kube-system/zz" instead-of="configmap kube-system/own"' "$log"
k -n kube-system delete configmap zz >/dev/null
eventually 20 "without it the other one is back" is "n2 n3 n4" pod_nodes app=agent
k -n kube-system delete configmap own >/dev/null
eventually 20 "a policy that is removed" grep -q "policy mine is not known" "$log"
check "takes no pod away" is "n2 n3 n4" pod_nodes app=agent
deliver stock "node-selection__default.lua=$(select_by 'node.labels.number == "3"')"
k annotate ds agent moonset.dev/policies- >/dev/null
eventually 20 "a stock policy is replaced" is "n3" pod_nodes app=agent

moonset_down
moonset_up
eventually 20 "after a restart it works" grep -q "caches are complete" "$log"
sleep 1
check "with the policies of the ConfigMaps from the beginning" is "n3" pod_nodes app=agent
k -n kube-system label configmap stock moonset.dev/policies- >/dev/null
eventually 20 "without the label it is none" is "n1 n2 n3 n4" pod_nodes app=agent
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
