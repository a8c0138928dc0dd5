# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# `moonset snapshot` writes down what the controller reads; plan and explain say the same from that
# file as from the cluster, without a server; and `plan --diff` tells what other policies would do.
. "$(dirname "$0")/../harness.sh"

live() # COMMAND…
{
    local command=$1
    shift
    "$MOONSET" "$command" --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" "$@"
}

from_file() # COMMAND…: nobody listens where the kubeconfig says
{
    local command=$1
    shift
    KUBECONFIG=$WORK/none "$MOONSET" "$command" --snapshot "$WORK/snapshot" "$@"
}

# How many answers were known without a call hangs on the order in which the nodes came.
without_figures()
{
    sed 's/; [0-9]* of [0-9]* answers were known//'
}

same() # COMMAND…: live and from the file
{
    is "$(live "$@" | without_figures)" sh -c 'printf "%s\n" "$1"' - "$(from_file "$@" | without_figures)"
}

# A line of the file, changed.
changed() # FROM TO
{
    sed "1s/$1/$2/" "$WORK/snapshot" >"$WORK/changed"
    "$MOONSET" plan --snapshot "$WORK/changed"
}

policies=$WORK/policies
others=$WORK/others
mkdir -p "$policies" "$others"
cat >"$policies/placed.lua" <<'LUA'
return {
  api = 1,
  select = function(node)
    if node.labels.pool == "quiet" then
      return false, "a quiet pool"
    end
  end,
}
LUA
cat >"$others/placed.lua" <<'LUA'
return {
  api = 1,
  select = function(node)
    if node.name == "n1" then
      return false, "not on n1"
    end
  end,
}
LUA

cluster_up n1 n2
add_node n3 pool=quiet
moonset_up --policy-dir "$policies"
k create -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, annotations: {moonset.dev/policies: placed}}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
      - {name: c, image: agent, env: [{name: PASSWORD, value: hunter2}]}
YAML
eventually 30 "two pods" is "2 2 2 2 2" ds_counts agent

check "a snapshot" live snapshot -o "$WORK/snapshot"
check "which its owner alone may read" is "600" stat -c %a "$WORK/snapshot"
check "one JSON object a line" jq -e . "$WORK/snapshot"
check "it has a format" is "snapshot 1" jq -r 'select(.moonset) | "\(.moonset) \(.format)"' "$WORK/snapshot"
check "and the server's version" jq -se '.[0].server | startswith("v1.")' "$WORK/snapshot"
check "the policies" jq -se 'any(.[]; .policy == "placed" and (.text | contains("quiet pool")))' "$WORK/snapshot"
check "the nodes" is "n1 n2 n3" sh -c "jq -r 'select(.resource == \"nodes\").object.metadata.name' '$WORK/snapshot' | sort | tr '\n' ' ' | sed 's/ $//'"
check "but no secrets" lacks "hunter2" cat "$WORK/snapshot"
check "nor what nobody reads" lacks "managedFields" cat "$WORK/snapshot"

check "settled: nothing to do" same plan
check "explain a set" same explain default/agent
check "explain a node" same explain default/agent n3
check "its policies are those of then" has "a quiet pool" from_file explain default/agent n3
moonset_down
k delete pods -l app=agent --wait=true >/dev/null
live snapshot >"$WORK/snapshot"
check "pods are missing: the same plan" same plan
check "of two pods" is "2" sh -c "'$MOONSET' plan --snapshot '$WORK/snapshot' -o json | jq '[.sets[].actions[] | select(.kind == \"Pod\")] | length'"
k set image ds/agent c=agent:v2 >/dev/null
live snapshot -o "$WORK/snapshot"
check "a new template: the same plan" same plan
k create ns other >/dev/null
check "a set of another namespace is not there" has "there is no set other/agent" from_file plan other/agent

check "no difference to its own policies" has "no difference" from_file plan --diff "$policies"
from_file plan --diff "$others" >"$WORK/diff"
check "other policies: where there would be none" grep -qE '^default/agent +n1 +other +evict: not on n1 ' "$WORK/diff"
check "and where one more" grep -qE '^default/agent +n3 +other +run ' "$WORK/diff"
check "and what is so now" grep -qE '^default/agent +n3 +now +evict: a quiet pool ' "$WORK/diff"
check "which versions these are" grep -qE '^default/agent +- +other +- +policy placed@[0-9a-f]{12}$' "$WORK/diff"
check "but not where both say the same" sh -c "! grep -q ' n2 ' '$WORK/diff'"
check "the same live" is "$(cat "$WORK/diff")" live plan --diff "$others"
check "which can be a status" status_is 3 from_file plan --exit-code --diff "$others"
check "and JSON" is "n1 n3" sh -c "'$MOONSET' plan --snapshot '$WORK/snapshot' --diff '$others' -o json | jq -r '[.differences[].node // empty] | join(\" \")'"
check "a set that is not there" status_is 1 from_file plan --diff "$others" default/nobody
check "a folder that is not there" status_is 1 from_file plan --diff "$WORK/nowhere"

from_file plan --rounds 20 --pod-start 30s >"$WORK/rounds"
sed 's/^/# /' "$WORK/rounds"
check "a whole roll, played: a revision first, and the pods that are missing" grep -qE '^1 +0s +default/agent +2/2 +2/2 +create controllerrevision; create pod on n1, n2$' "$WORK/rounds"
check "until it is settled" grep -qE '^settled after 30s, 1 round$' "$WORK/rounds"
check "also of a roll: status 3" status_is 3 from_file plan --rounds 20 --exit-code
check "and a set that is not there" has "there is no set default/nobody" from_file plan --rounds 20 default/nobody
moonset_up --policy-dir "$policies"
ready_images() # the status is still that of before the pods were deleted
{
    k get pods -l app=agent -o json | jq -r '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))
        | .spec.containers[0].image] | join(" ")'
}
eventually 60 "so does the controller" is "agent:v2 agent:v2" ready_images
moonset_down
cat >"$others/closed.lua" <<'LUA'
return {
  api = 1,
  gate = function(roll)
    if roll.now % 3600 < 1800 then
      return true
    end
    return false, "the second half of an hour", 3600 - roll.now % 3600
  end,
}
LUA
k patch ds agent --type=merge -p '{"metadata":{"annotations":{"moonset.dev/policies":"closed"}},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"agent:v3"}]}}}}' >/dev/null
live plan --policy-dir "$others" --rounds 20 --pod-start 60s >"$WORK/rounds"
sed 's/^/# /' "$WORK/rounds"
check "three nodes, one at a time, when the gate is open" grep -qE '^settled after .*, 3 rounds$' "$WORK/rounds"
check "never more than one unavailable" sh -c "! grep -E '^[0-9]+ .* [2-9]/3 +[0-9]/3 ' '$WORK/rounds'"
check "as JSON, too" jq -e '.settled and (.rounds | length) > 1' <("$MOONSET" plan --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$others" --rounds 20 -o json)
check "N rounds, no more" has "not settled" live plan --policy-dir "$others" --rounds 1
check "no number" status_is 2 from_file plan --rounds many
check "not with --diff" status_is 2 from_file plan --rounds 2 --diff "$others"

check "a file that is not there" status_is 2 "$MOONSET" plan --snapshot "$WORK/nowhere"
check "another format" has "this moonset reads format 1" changed '"format":1' '"format":2'
check "no snapshot" has "does not begin as a snapshot does" changed '"snapshot"' '"recording"'
echo '{"half":' >>"$WORK/snapshot"
check "a broken line is named" has "line $(wc -l <"$WORK/snapshot")" from_file plan
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
