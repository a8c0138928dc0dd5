# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A policy is edited while moonset runs: placement follows within 2 s. A broken edit changes nothing
# and is told once. A hostile policy is stopped and the other sets go on. The guard, which would hold most of these
# versions, is off (79-guard.sh has it).
. "$(dirname "$0")/../harness.sh"

policies=$WORK/policies
mkdir -p "$policies"
log=$WORK/moonset.log

# write_policy NAME: the text on standard input becomes the policy, by rename as editors do.
write_policy()
{
    cat >"$policies/.$1.tmp"
    mv "$policies/.$1.tmp" "$policies/$1.lua"
}

daemon()
{
    cat <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: $1
  annotations: {moonset.dev/policies: "$2"}
spec:
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec: {containers: [{name: c, image: agent}]}
YAML
}

select_by()
{
    write_policy edge-only <<LUA
return {
  api = 1,
  name = "edge-only",
  select = function(node, set)
    $1
  end,
}
LUA
}

metric()
{
    curl -fs "http://$admin/metrics" | awk -v name="$1" 'index($1, name) == 1 {sum += $2} END {print sum + 0}'
}

select_by 'return node.labels.edge == "true", "edge nodes only"'
cluster_up
add_node n1 edge=true
add_node n2 edge=true
add_node n3
add_node n4
moonset_up --policy-dir "$policies" --state-dir "$WORK" --policy-guard off
eventually 20 "moonset says where its admin port is" grep -q 'topic=admin' "$log"
admin=$(sed -n 's/.*topic=admin.*addr="\{0,1\}\([0-9.:]*\).*/\1/p' "$log" | head -1)
daemon edge edge-only | k apply -f - >/dev/null
daemon plain "" | sed '/annotations/d' | k apply -f - >/dev/null
eventually 20 "the policy decides" is "n1 n2" pod_nodes app=edge
eventually 20 "a set without policies runs everywhere" is "n1 n2 n3 n4" pod_nodes app=plain

select_by 'return node.labels.edge ~= "true", "no edge nodes"'
eventually 4 "an edit moves the daemons within seconds" is "n3 n4" pod_nodes app=edge

before=$(metric moonset_policy_failures_total)
select_by 'return node.labels.edge ~= "true" end end'
eventually 5 "a syntax error is told in the log" grep -q 'edge-only.lua:5' "$log"
check "it is counted" test "$(metric moonset_policy_failures_total)" -gt "$before"
check "and changes nothing" is "n3 n4" pod_nodes app=edge
check "told once" test "$(grep -c 'edge-only.lua:5' "$log")" -eq 1

select_by 'if node.name == "n3" then return 42 end return true'
eventually 5 "a wrong answer at one node is told" grep -q 'PolicyFailed\|policy failed' "$log"
eventually 5 "the other nodes follow the new version" is "n1 n2 n3 n4" pod_nodes app=edge
eventually 10 "as an Event of the set, too" has PolicyFailed k get events --field-selector involvedObject.name=edge

hostile()
{
    select_by "$2"
    k annotate ds plain --overwrite "test=$1" >/dev/null
    eventually 15 "$1: stopped and told" grep -q "$3" "$log"
    check "$1: no pod was lost" is "n1 n2 n3 n4" pod_nodes app=edge
    k label node n1 --overwrite "probe=$1" >/dev/null
    k delete pod -l app=plain --field-selector spec.nodeName=n1 >/dev/null
    eventually 20 "$1: the other set goes on" is "n1 n2 n3 n4" pod_nodes app=plain
    check "$1: moonset is alive" kill -0 "$MOONSET_PID"
}

hostile endless-loop 'while true do end' budget
hostile memory-bomb 'local t = {} for i = 1, 1e9 do t[i] = {i} end return true' 'memory\|budget'
hostile pcall-loop 'while true do pcall(function() while true do end end) end' budget
hostile rep 'return #string.rep("", 1 << 62) > 0' runtime
hostile find-dash 'return ("a"):rep(2000):find(".-.-b") == nil' runtime
hostile find-long 'return ("a"):rep(65535):find(".-b") == nil' runtime
hostile find-balance 'return ("("):rep(65536):find("%b()") == nil' runtime
hostile sort 'local t = {} for i = 1, 60000 do t[i] = ("x"):rep(60000) .. (i % 2) end table.sort(t) return true' 'memory\|budget'
hostile move 'table.move({}, 1, 1 << 60, 2) return true' runtime

select_by 'return true'
eventually 5 "a good version is taken again" is "n1 n2 n3 n4" pod_nodes app=edge
k annotate ds edge --overwrite moonset.dev/policies=nobody >/dev/null
eventually 10 "an unknown policy is told" has PolicyNotFound k get events --field-selector involvedObject.name=edge
check "and leaves the set as it is" is "n1 n2 n3 n4" pod_nodes app=edge
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
