# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# `moonset plan` says what the controller would do, and why; nothing is written, whether a controller
# runs or not.
. "$(dirname "$0")/../harness.sh"

plan()
{
    "$MOONSET" plan --kubeconfig "$MOONSET_KUBECONFIG" "$@"
}

# Everything that a plan could have written.
everything()
{
    local columns=custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion
    k get daemonsets,pods,controllerrevisions -A --no-headers -o "$columns"
    k get events -A --field-selector involvedObject.kind=DaemonSet --no-headers -o "$columns"
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/node-selection.lua" <<'LUA'
return {
  api = 1,
  select = function(node)
    return node.name ~= "n2", "not there"
  end,
}
LUA

cluster_up n1 n2 n3
check "no set: nothing to do" has "nothing to do: 0 sets" plan
moonset_up
create_agent
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
check "settled: nothing to do" has "nothing to do: 1 set" plan
check "which is no work" status_is 0 plan --exit-code
moonset_down

pod=$(k get pods -l app=agent --field-selector spec.nodeName=n2 -o jsonpath='{.items[0].metadata.name}')
k delete pod "$pod" --wait=true >/dev/null
add_node n4
k annotate ds agent moonset.dev/policies=node-selection >/dev/null
before=$(everything)
check "a policy that nobody knows is told" has "policy node-selection is not known" plan
plan --policy-dir "$policies" >"$WORK/table"
check "a pod is missing where the policy wants one" grep -qE '^default/agent +create +pod +n4 +the node needs a pod$' "$WORK/table"
check "but none where it does not" sh -c "! grep -q ' n2 ' '$WORK/table'"
k annotate ds agent moonset.dev/policies- >/dev/null
before=$(everything)
plan --exit-code >"$WORK/table"
check "there is work" test $? -eq 3
check "two pods are missing" test "$(grep -c 'create  pod' "$WORK/table")" -eq 2
plan -o json default/agent >"$WORK/json"
check "as JSON" is "n2 n4" jq -r '[.sets[] | select(.set == "default/agent") | .actions[] | select(.kind == "Pod") | .node] | join(" ")' "$WORK/json"
check "every action has its reason" jq -e '[.sets[].actions[] | .reason != ""] | all' "$WORK/json"
check "nothing was written" is "$before" everything

moonset_up
eventually 30 "the controller does as planned" is "n1 n2 n3 n4" pod_nodes app=agent
moonset_down
k set image ds/agent c=agent:v2 >/dev/null
check "a new template wants a revision first" has "controllerrevision" plan
moonset_up
eventually 60 "rolled out" k rollout status ds/agent --timeout=1s
k annotate ds agent moonset.dev/policies=node-selection >/dev/null
plan --policy-dir "$policies" >"$WORK/table"
check "beside a running controller: what another policy would do" \
    grep -qE '^default/agent +delete +pod/agent-[a-z0-9]+ +n2 +no daemon here: not there$' "$WORK/table"
check "which the controller does not" is "n1 n2 n3 n4" pod_nodes app=agent

check "a set that is not there" has "there is no set default/nobody" plan default/nobody
check "is an error" status_is 1 plan default/nobody
check "a set without its namespace" status_is 2 plan agent
check "an unknown flag" status_is 2 plan --colour
check "a wrong output" status_is 2 plan -o yaml
sed 's|server: .*|server: http://127.0.0.1:1|' "$MOONSET_KUBECONFIG" >"$WORK/nowhere.kubeconfig"
chmod 600 "$WORK/nowhere.kubeconfig"
check "a server that is not there" status_is 1 plan --timeout 1s --kubeconfig "$WORK/nowhere.kubeconfig"
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
