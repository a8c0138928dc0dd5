# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# kill -9 in the middle of a roll over 50 nodes, ten times at different moments. Judged from the API
# server's own watch: never two ready pods on a node, never more than maxUnavailable nodes without one.
. "$(dirname "$0")/../harness.sh"

NODES=${NODES:-50}
KILLS=${KILLS:-10}
MAX_UNAVAILABLE=5

nodes_yaml()
{
    local i
    for i in $(seq -w 1 "$NODES"); do
        printf -- '---\napiVersion: v1\nkind: Node\nmetadata: {name: n%s}\n' "$i"
    done
}

# Replay the watch: state is uid -> {node, ready}; a pod that is being deleted serves no more.
judge()
{
    jq -n --argjson max "$MAX_UNAVAILABLE" --argjson nodes "$NODES" '
      def ready: .deletionTimestamp == null and .ready;
      reduce (inputs | {type, uid: .object.metadata.uid, node: .object.spec.nodeName,
                        deletionTimestamp: .object.metadata.deletionTimestamp,
                        ready: any(.object.status.conditions[]?; .type == "Ready" and .status == "True")})
        as $e ({pods: {}, doubles: 0, over: 0, worst: 0, rolling: false, events: 0};
          .events += 1
          | if $e.type == "DELETED" then del(.pods[$e.uid]) else .pods[$e.uid] = $e end
          | ([.pods[] | select(ready) | .node]) as $serving
          | (($serving | length) - ($serving | unique | length)) as $double
          | ($nodes - ($serving | unique | length)) as $down
          | if .rolling or $down == 0 then
              .rolling = true | .doubles += $double
              | .worst = ([.worst, $down] | max) | if $down > $max then .over += 1 else . end
            else . end)
      | del(.pods)' "$WORK/watch.json"
}

cluster_up
nodes_yaml | k create -f - >/dev/null
moonset_up
k apply -f - >/dev/null <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  updateStrategy: {rollingUpdate: {maxUnavailable: $MAX_UNAVAILABLE}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: "agent:v0"}]}
YAML
eventually 120 "all pods are ready" is "$NODES $NODES $NODES $NODES $NODES" ds_counts agent
# The list's own version: a watch that begins later would miss what is deleted in between.
PODS='/api/v1/namespaces/default/pods?labelSelector=app%3Dagent'
k get --raw "$PODS" >"$WORK/list.json"
jq -c '.items[] | {type: "ADDED", object: .}' "$WORK/list.json" >"$WORK/watch.json"
background watch sh -c "$KUBECTL get --raw '$PODS&watch=1&resourceVersion=$(jq -r .metadata.resourceVersion "$WORK/list.json")' >>'$WORK/watch.json'"

for i in $(seq 1 "$KILLS"); do
    k set image ds/agent "c=agent:v$i" >/dev/null
    sleep "0.$((i * 7 % 10))$((i * 3 % 10))" # a different moment each time
    kill -9 "$MOONSET_PID"
    wait "$MOONSET_PID" 2>/dev/null
    moonset_up
done
eventually 180 "ends converged" is "$NODES $NODES $NODES $NODES $NODES" ds_counts agent
check "every pod runs the last image" is "agent:v$KILLS" sh -c "$KUBECTL get pods -l app=agent -o jsonpath='{range .items[*]}{.spec.containers[0].image}{\"\\n\"}{end}' | sort -u"
check "one pod per node" test "$(k get pods -l app=agent --no-headers | wc -l)" -eq "$NODES"
judge >"$WORK/verdict.json"
echo "# $(tr -d '\n' <"$WORK/verdict.json")"
check "the watch saw the whole roll" test "$(jq .events "$WORK/verdict.json")" -gt "$((NODES * 4))"
check "never two ready pods on a node" test "$(jq .doubles "$WORK/verdict.json")" -eq 0
check "never more than $MAX_UNAVAILABLE nodes down" test "$(jq .over "$WORK/verdict.json")" -eq 0
moonset_down
finish
