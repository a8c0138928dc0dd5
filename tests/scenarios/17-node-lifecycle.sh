# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What becomes of a node nobody hears of, and of its pods: conditions, taints, eviction, and back. On
# the real control plane it is the real node lifecycle controller that says so.
# shellcheck disable=SC2034
PLAYER_FLAGS=(--heartbeat 500ms)
SIM_FLAGS=(--node-grace 4s --ended-pods 2)
CLUSTER_FLAGS=(--node-grace 4)
. "$(dirname "$0")/../harness.sh"

# pod NAME NODE [TOLERATION]
pod()
{
    k create -f - >/dev/null <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1"},
 "spec":{"nodeName":"$2","terminationGracePeriodSeconds":5,"tolerations":[${3:-}],
         "containers":[{"name":"c","image":"agent"}]}}
JSON
}

# node_is NODE: "status reason" of its condition Ready
node_is()
{
    k get node "$1" -o 'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.reason}{end}'
}

# taints NODE: sorted, on one line
taints()
{
    k get node "$1" -o 'jsonpath={range .spec.taints[*]}{.key}:{.effect}{"\n"}{end}' | sort | tr '\n' ' '
}

# pod_ready NAME: status of its condition Ready
pod_ready()
{
    k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}

ending()
{
    k get pod "$1" -o 'jsonpath={.metadata.deletionTimestamp}'
}

UNREACHABLE='{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute"'

cluster_up n1 n2 n3
k wait --for=condition=Ready node/n1 node/n2 node/n3 --timeout=20s >/dev/null
pod faithful n1 "$UNREACHABLE}"
pod patient n1 "$UNREACHABLE,\"tolerationSeconds\":3600}"
pod hasty n1 "$UNREACHABLE,\"tolerationSeconds\":1}"
k wait --for=condition=Ready pod/faithful pod/patient pod/hasty --timeout=20s >/dev/null

k annotate node n1 sim.moonset.dev/down=true >/dev/null
eventually 30 "a silent node is unknown" is "Unknown NodeStatusUnknown" node_is n1
eventually 20 "and unreachable" is "node.kubernetes.io/unreachable:NoExecute node.kubernetes.io/unreachable:NoSchedule " taints n1
eventually 20 "its pods are not ready" is False pod_ready faithful
check "though they run" is Running k get pod faithful -o 'jsonpath={.status.phase}'
eventually 20 "who bears it for a second is deleted after that" has T ending hasty
check "but does not end while its node is silent" k get pod hasty
check "who bears it for an hour stays" is "" ending patient
check "who bears it for ever, too" is "" ending faithful
eventually 10 "an event says so" has "Node n1 status is now: NodeNotReady" k get events
check "the other nodes are as before" is "True KubeletReady" node_is n2

k annotate node n1 sim.moonset.dev/down- >/dev/null
eventually 20 "it is heard of again" is "True KubeletReady" node_is n1
eventually 20 "and loses its taints" is "" taints n1
eventually 20 "its pods are ready again" is True pod_ready faithful
eventually 20 "and the deleted one ends" lacks hasty k get pods -o name

pod stranger n2
k wait --for=condition=Ready pod/stranger --timeout=20s >/dev/null
k taint node n2 maintenance=now:NoExecute >/dev/null
eventually 20 "a NoExecute taint of a user evicts" lacks stranger k get pods -o name
check "and stays" has maintenance:NoExecute taints n2
k taint node n2 maintenance- >/dev/null

k cordon n3 >/dev/null
eventually 20 "a cordoned node is tainted" is "node.kubernetes.io/unschedulable:NoSchedule " taints n3
k uncordon n3 >/dev/null
eventually 20 "until it is uncordoned" is "" taints n3

if [ "$MOON_TARGET" = sim ]; then
    for i in 1 2 3 4; do
        pod "ended$i" n2
        k annotate pod "ended$i" sim.moonset.dev/outcome=succeeded >/dev/null
    done
    eventually 20 "of the pods that have ended the oldest go when they are too many" \
        is "ended3 ended4" k get pods --field-selector status.phase=Succeeded -o 'jsonpath={.items[*].metadata.name}'
fi

ready()
{
    k get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
}

# within SECONDS COMMAND…: as eventually, but says nothing.
within()
{
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# kube-controller-manager looks at its nodes once a second. When it misses one of them in one look and the others in
# the next, it may taint the first while it takes all such taints away, and then the taint stays: so it gets three
# chances to miss all at once. The embedded one has to do it at the first.
silent_for_good()
{
    local chance chances=3
    [ "$MOON_TARGET" = cluster ] || chances=1
    for ((chance = 1; chance <= chances; chance++)); do
        k annotate --overwrite node n1 n2 n3 sim.moonset.dev/down=true >/dev/null
        within 30 is "Unknown Unknown Unknown" ready || return 1
        within 20 lacks NoExecute k get nodes -o 'jsonpath={.items[*].spec.taints}' && return
        k annotate node n1 n2 n3 sim.moonset.dev/down- >/dev/null
        within 20 is "True True True" ready || return 1
    done
    return 1
}

check "when all nodes are silent nothing is evicted any more" silent_for_good
k annotate --overwrite node n1 n2 n3 sim.moonset.dev/down- >/dev/null
eventually 20 "they come back" is "True True True" ready

k annotate node n1 sim.moonset.dev/down=true >/dev/null
k delete pod faithful --wait=false >/dev/null
check "a pod that is deleted on a silent node stays" has T ending faithful
k delete node n1 >/dev/null
eventually 90 "until the node is deleted" lacks faithful k get pods -o name
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
