# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What people do to a DaemonSet and its nodes with kubectl, beside what 10-mission.sh shows: drain,
# and deletion with each propagation.
. "$(dirname "$0")/../harness.sh"

agent()
{
    k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  updateStrategy: {rollingUpdate: {maxUnavailable: 3}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: agent}]}
YAML
    eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
}

uids()
{
    k get pods -l app=agent -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}' | sort | tr '\n' ' '
}

owners() # KIND
{
    k get "$1" -o 'jsonpath={.items[*].metadata.ownerReferences[*].name}'
}

created()
{
    grep -c 'msg="created pod"' "$WORK/moonset.log"
}

gone() # KIND
{
    is "" k get "$1" -l app=agent -o name
}

cluster_up n1 n2 n3
moonset_up
agent

k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec: {terminationGracePeriodSeconds: 1, nodeName: n1, containers: [{name: c, image: plain}]}
YAML
eventually 20 "a plain pod runs beside" is Running k get pod plain -o 'jsonpath={.status.phase}'
before=$(uids)
check "drain refuses: the node has daemons" has "DaemonSet-managed Pods" k drain n1 --force --timeout=30s
check "drain --ignore-daemonsets" timeout 60 "$KUBECTL" drain n1 --ignore-daemonsets --force --timeout=30s
check "the plain pod is gone" lacks plain k get pods -o name
check "the daemons stay" is "$before" uids
check "and count" is "3 3 3 3 3" ds_counts agent
check "uncordon" k uncordon n1

check "rollout restart" k rollout restart ds/agent
check "rollout status" timeout 60 "$KUBECTL" rollout status ds/agent
check "every pod is another one" sh -c "! echo '$(uids)' | grep -qE '$(echo "$before" | sed 's/ $//; s/ /|/g')'"
check "two revisions" test "$(k get controllerrevisions -l app=agent -o name | wc -l)" -eq 2

made=$(created)
check "delete --cascade=foreground" timeout 60 "$KUBECTL" delete ds agent --cascade=foreground
check "it waits for the pods" gone pods
eventually 30 "revisions are collected" gone controllerrevisions
check "none was made meanwhile" is "$made" created

agent
made=$(created)
check "delete --cascade=background" timeout 60 "$KUBECTL" delete ds agent --cascade=background
eventually 30 "pods are collected" gone pods
eventually 30 "revisions are collected" gone controllerrevisions
check "none was made meanwhile" is "$made" created

agent
before=$(uids)
made=$(created)
check "delete --cascade=orphan" timeout 60 "$KUBECTL" delete ds agent --cascade=orphan
eventually 20 "nobody owns the pods" is "" owners pods
eventually 20 "nor the revision" is "" owners controllerrevisions
check "the pods stay" is "$before" uids
agent
check "a new set of the same kind takes them over" is "$before" uids
check "as they are" is "$made" created
check "delete" k delete ds agent
eventually 30 "pods are collected" gone pods

check "no error in the log" sh -c "! grep -E 'level=error|AddressSanitizer|runtime error' '$WORK'/*.log"
moonset_down
check "moonset ended well" test $? -eq 0
finish
