# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# The example policies do what their first lines say.
. "$(dirname "$0")/../harness.sh"

# first_replaced N: the nodes whose pods were replaced first (deletes go out side by side: sorted).
first_replaced()
{
    sed -n 's/.*msg="deleted pod".*node=\([a-z0-9]*\) .*/\1/p' "$WORK/moonset.log" | head -n "$1" | sort | tr '\n' ' '
}

cluster_up
add_node n1 topology.kubernetes.io/zone=b edge=true
add_node n2 topology.kubernetes.io/zone=a edge=true
add_node n3 topology.kubernetes.io/zone=b edge=true
add_node n4 topology.kubernetes.io/zone=a edge=true
add_node n5 topology.kubernetes.io/zone=a
moonset_up --policy-dir "$ROOT/examples/policies"
k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  annotations:
    moonset.dev/policies: edge-only,one-zone-at-a-time
    moonset.dev/params: "{label: edge}"
spec:
  updateStrategy: {rollingUpdate: {maxUnavailable: 3}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: agent}]}
YAML
eventually 20 "edge nodes only" is "n1 n2 n3 n4" pod_nodes app=agent
eventually 20 "all available" is "4 4 4 4 4" ds_counts agent
k set image ds/agent c=agent:v2 >/dev/null
check "rolled" timeout 60 "$KUBECTL" rollout status ds/agent
check "zone a before zone b" is "n2 n4 " first_replaced 2
k annotate ds agent --overwrite 'moonset.dev/params={colour: red}' >/dev/null
eventually 10 "an undeclared parameter is told" has PolicyInvalid k get events --field-selector involvedObject.name=agent
check "and leaves the set as it is" is "n1 n2 n3 n4" pod_nodes app=agent
moonset_down
check "moonset ended well" test $? -eq 0
finish
