# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What a node needs apart from updates: failed and finished pods are replaced, one pod too many goes,
# a pod for a node that does not exist goes, and nodes that want none any more lose theirs.
. "$(dirname "$0")/../harness.sh"

# pod_on NODE: the name of the pod there that nobody is deleting.
pod_on()
{
    k get pods -l app=agent -o json | jq -r --arg node "$1" '.items[]
        | select(.spec.nodeName == $node and .metadata.deletionTimestamp == null).metadata.name'
}

# end_pod NAME PHASE: as a kubelet says it.
end_pod()
{
    k get pod "$1" -o json | jq --arg phase "$2" '.status = {phase: $phase, reason: "Evicted"}' |
        k replace --raw "/api/v1/namespaces/default/pods/$1/status" -f - >/dev/null
}

# another_on NODE NAME: a pod, and not that one.
another_on()
{
    local now
    now=$(pod_on "$1")
    [ -n "$now" ] && [ "$now" != "$2" ] || { echo "on $1: $now"; return 1; }
}

events_of() # REASON
{
    k get events --field-selector "reason=$1,involvedObject.name=agent" \
        -o jsonpath='{range .items[*]}{.type} {.message}{"\n"}{end}'
}

# make_pod NAME SPEC: one that matches the set's selector and has no owner, as if left by another set. (Without
# the hash label it would be found, too, but only with the next look for such pods, after minutes.)
make_pod()
{
    jq -cn --arg name "$1" --argjson spec "$2" '{apiVersion: "v1", kind: "Pod",
        metadata: {name: $name, labels: {app: "agent", "controller-revision-hash": "old"}}, spec: ({containers: [{name: "c", image: "agent"}],
        terminationGracePeriodSeconds: 1} + $spec)}' | k create -f - >/dev/null
}

gone() # NAME
{
    has NotFound k get pod "$1"
}

cluster_up n1 n2 n3
create_agent
moonset_up
eventually 30 "three of everything" is "3 3 3 3 3" ds_counts agent

failed=$(pod_on n1)
end_pod "$failed" Failed
eventually 20 "a failed pod is replaced" another_on n1 "$failed"
eventually 20 "and told of, as a warning" \
    has "Warning Found failed daemon pod default/$failed on node n1, will try to kill it" events_of FailedDaemonPod
eventually 20 "three of everything again" is "3 3 3 3 3" ds_counts agent

done=$(pod_on n2)
end_pod "$done" Succeeded
eventually 20 "so is one that has come to its end" another_on n2 "$done"
eventually 20 "which is no warning" \
    has "Normal Found succeeded daemon pod default/$done on node n2, will try to delete it" events_of SucceededDaemonPod
eventually 20 "three of everything again" is "3 3 3 3 3" ds_counts agent

kept=$(pod_on n3)
make_pod extra '{"nodeName": "n3"}'
eventually 20 "of two pods the younger one goes" gone extra
check "the older one stays" is "$kept" pod_on n3

make_pod lost '{"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
    {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n9"]}]}]}}}}'
eventually 20 "a pod for a node that does not exist goes" gone lost

check "n1 and n2 are chosen" k label node n1 n2 agents=yes
check "the set wants such nodes only" k patch ds agent --type merge \
    -p '{"spec":{"template":{"spec":{"nodeSelector":{"agents":"yes"}}}}}'
eventually 20 "the others lose their pods" is "n1 n2" pod_nodes app=agent
eventually 30 "two of everything" is "2 2 2 2 2" ds_counts agent
check "a node is chosen no more" k label node n1 agents-
eventually 20 "its pod goes" is "n2" pod_nodes app=agent
check "no error in the log" sh -c "! grep -E 'level=error|AddressSanitizer|runtime error' '$WORK'/*.log"
moonset_down
check "moonset ended well" test $? -eq 0
finish
