# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# `moonset run --record` writes down what the controller is told and what it decides; `moonset
# replay` decides all of it again, without a cluster: the same under the same policies, and the first
# difference under others.
. "$(dirname "$0")/../harness.sh"

images()
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort | uniq -c | tr -s ' \n' ' '
}

replay()
{
    "$MOONSET" replay "$@"
}

policies=$WORK/policies
others=$WORK/others
mkdir -p "$policies" "$others"
cat >"$policies/edge.lua" <<'LUA'
return {
  api = 1,
  select = function(node)
    if node.labels.edge == "no" then
      return false, "no edge"
    end
  end,
}
LUA
cat >"$policies/slowly.lua" <<'LUA'
-- One at a time.
return {
  api = 1,
  update = function(roll, set)
    for pod in roll:outdated { wanted = true, limit = math.min(1, roll.left) } do
      roll:replace(pod, "one by one")
    end
  end,
}
LUA
cat >"$others/slowly.lua" <<'LUA'
return {
  api = 1,
  update = function(roll, set)
    for pod in roll:outdated { wanted = true, limit = math.min(1, roll.left), order = { "name" } } do
      roll:replace(pod, "in another mood")
    end
  end,
}
LUA

cluster_up n1 n2 n3 n4
add_node n5 edge=no
moonset_up --policy-dir "$policies" --record "$WORK/recording"
k create -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, annotations: {moonset.dev/policies: "edge,slowly"}}
spec:
  selector: {matchLabels: {app: agent}}
  minReadySeconds: 1
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
      - {name: c, image: agent, env: [{name: PASSWORD, value: hunter2}]}
YAML
eventually 30 "four pods" is "4 4 4 4 4" ds_counts agent
k set image ds/agent c=agent:v2 >/dev/null
eventually 90 "rolled out" is " 4 agent:v2 " images
eventually 30 "all are available" is "4 4 4 4 4" ds_counts agent
k label node n5 edge- >/dev/null
k label node n1 edge=no >/dev/null
eventually 30 "one goes, one comes" is "n2 n3 n4 n5" pod_nodes app=agent
k delete pod -l app=agent --wait=false >/dev/null
sleep 1
eventually 30 "all are back" is "4 4 4 4 4" ds_counts agent
sed -i 's/one by one/one after the other/' "$policies/slowly.lua"
sleep 1
k set image ds/agent c=agent:v3 >/dev/null
eventually 90 "rolled out with another version of the policy" is " 4 agent:v3 " images
eventually 30 "all are available" is "4 4 4 4 4" ds_counts agent
moonset_down

check "a recording" jq -e . "$WORK/recording"
check "which its owner alone may read" is "600" stat -c %a "$WORK/recording"
check "without secrets" lacks "hunter2" cat "$WORK/recording"
check "it has the plans" sh -c "jq -r 'select(.plan).actions[].reason' '$WORK/recording' | grep -q 'one by one'"
KUBECONFIG=$WORK/none
replay "$WORK/recording" >"$WORK/same"
check "the same policies: no difference" grep -qE '^no difference: [0-9]+ plans, [0-9]+ actions' "$WORK/same"
cat "$WORK/same" | sed 's/^/# /'
check "each time" is "$(cat "$WORK/same")" replay "$WORK/recording"
check "which is a status" status_is 0 replay "$WORK/recording"
replay --policy-dir "$others" "$WORK/recording" >"$WORK/differs"
check "other policies: status 1" test $? -eq 1
sed 's/^/# /' "$WORK/differs"
check "what was decided" grep -qE '^recorded +delete pod/agent-[a-z0-9]+ on n[1-4]: one by one$' "$WORK/differs"
check "and what would be" grep -qE '^replayed +delete pod/agent-[a-z0-9]+ on n[1-4]: in another mood$' "$WORK/differs"
check "where" grep -qE '^set +default/agent$' "$WORK/differs"
check "by which versions" grep -qE 'slowly@[0-9a-f]{12}, replayed @[0-9a-f]{12}$' "$WORK/differs"
check "as JSON, too" is "default/agent" sh -c "'$MOONSET' replay -o json --policy-dir '$others' '$WORK/recording' | jq -r .first.set"
head -c -100 "$WORK/recording" >"$WORK/cut"
check "one that is cut off is played so far" has "the recording is cut off" replay "$WORK/cut"
echo '{"moonset":"snapshot","format":1}' >"$WORK/wrong"
check "no recording" has "line 1: it does not begin as a recording does" replay "$WORK/wrong"
check "a file that is not there" status_is 1 replay "$WORK/nowhere"
check "none at all" status_is 2 replay
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
