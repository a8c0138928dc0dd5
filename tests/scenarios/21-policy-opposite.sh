# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# Lua decides: files that replace the stock policies by the opposite turn the behaviour round.
. "$(dirname "$0")/../harness.sh"

policies=$WORK/policies
mkdir -p "$policies/node-selection" "$policies/tolerations" "$policies/update"
cat >"$policies/node-selection/default.lua" <<'LUA'
-- Only where the node is tainted.
return {
  api = 1,
  name = "node-selection/default",
  select = function(node, set)
    return #node.taints > 0, "tainted nodes only"
  end,
}
LUA
cat >"$policies/tolerations/default.lua" <<'LUA'
-- Tolerate nothing.
return {
  api = 1,
  name = "tolerations/default",
  tolerations = function(set)
    return {}
  end,
}
LUA
cat >"$policies/update/rolling.lua" <<'LUA'
-- The last node by name first, one at a time.
return {
  api = 1,
  name = "update/rolling",
  update = function(roll, set)
    local last
    for pod in roll:outdated { wanted = true } do
      last = pod
    end
    if last and roll.left > 0 then
      roll:replace(last, "last name first")
    end
  end,
}
LUA

cluster_up n1 n2 n3
k taint node n2 dedicated=db:PreferNoSchedule >/dev/null
k taint node n3 dedicated=db:PreferNoSchedule >/dev/null
moonset_up --policy-dir "$policies"
k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  minReadySeconds: 1
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: agent}]}
YAML
eventually 20 "runs only where tainted" is "n2 n3" pod_nodes app=agent
check "the pods tolerate nothing of the stock list" lacks "disk-pressure" \
    k get pods -l app=agent -o 'jsonpath={.items[*].spec.tolerations[*].key}'
eventually 20 "available" is "2 2 2 2 2" ds_counts agent
k set image ds/agent c=agent:v2 >/dev/null
check "rolled" timeout 60 "$KUBECTL" rollout status ds/agent
check "the last name went first" sh -c "
    grep 'reason=\"last name first\"' '$WORK/moonset.log' | sed -n 's/.*node=\\([a-z0-9]*\\).*/\\1/p' | tr '\\n' ' ' | grep -q '^n3 n2 '"
moonset_down
finish
