# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What simulated kubelets do with pods and nodes, without a controller: fates by image and by
# annotation, refusals, a node that is down, one that goes and one that comes.
. "$(dirname "$0")/../harness.sh"

# pod NAME IMAGE NODE [ANNOTATION=VALUE]: bound by hand, as a DaemonSet pod is by the scheduler.
pod()
{
    local annotations='{}'
    [ -z "${4:-}" ] || annotations="{\"sim.moonset.dev/${4%%=*}\":\"${4#*=}\"}"
    k create -f - >/dev/null <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1","annotations":$annotations},
 "spec":{"nodeName":"$3","terminationGracePeriodSeconds":5,
         "containers":[{"name":"c","image":"$2"}],"tolerations":[{"operator":"Exists"}]}}
JSON
}

# state NAME: "phase ready restarts reason"
state()
{
    k get pod "$1" -o jsonpath='{.status.phase} {.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount} {.status.reason}{.status.containerStatuses[0].state.waiting.reason}'
}

cluster_up n1 n2
k wait --for=condition=Ready node/n1 node/n2 --timeout=20s >/dev/null
check "a kubelet labels its node" is linux k get node n1 -o 'jsonpath={.metadata.labels.kubernetes\.io/os}'

pod plain agent:v1 n1
eventually 10 "a pod runs and is ready" is "Running true 0 " state plain
check "it has an address" has 10. k get pod plain -o 'jsonpath={.status.podIP}'
pod broken agent:broken n1
eventually 10 "an image that is not there" is "Pending false 0 ErrImagePull" state broken
pod failed agent:failed n1
eventually 10 "a pod fails by its image" is "Failed   Evicted" state failed
pod finished agent n1 outcome=succeeded
eventually 10 "a pod succeeds by annotation" has Succeeded state finished
pod never agent n1 outcome=never-ready
eventually 10 "a pod that is never ready" is "Running false 0 " state never
pod crash agent:crash n2
eventually 10 "a container crashes and is restarted" is "Running false 1 CrashLoopBackOff" state crash
pod late agent n2 ready-after=3s
eventually 10 "a pod that is ready late runs first" is "Running false 0 " state late
eventually 10 "and is ready then" is "Running true 0 " state late

k annotate pod plain sim.moonset.dev/outcome=failed sim.moonset.dev/reason=OutOfmemory >/dev/null
eventually 10 "a running pod fails on command" is "Failed   OutOfmemory" state plain

k annotate node n2 sim.moonset.dev/reject=OutOfpods >/dev/null
pod refused agent n2
eventually 10 "a node that refuses new pods" is "Failed   OutOfpods" state refused
check "keeps those it has" is "Running true 0 " state late
k annotate node n2 sim.moonset.dev/reject- >/dev/null

k annotate node n2 sim.moonset.dev/down=true >/dev/null
pod asleep agent n2
k delete pod late --wait=false >/dev/null
check "a node that is down ends no pod" sh -c "sleep 1; $KUBECTL get pod late -o name"
check "and starts none" has Pending state asleep
k annotate node n2 sim.moonset.dev/down- >/dev/null
eventually 10 "it comes back and goes on" is "Running true 0 " state asleep
eventually 10 "with ends, too" lacks late k get pods -o name

check "pods end when they are deleted" k delete pod --timeout=20s plain broken failed finished never crash refused
add_node n3
pod newcomer agent n3
eventually 10 "a node that is added is played" is "Running true 0 " state newcomer
k delete node n3 >/dev/null
eventually 90 "pods of a node that is gone are collected" lacks newcomer k get pods -o name
check "leases are renewed" is n1 k -n kube-node-lease get lease n1 -o 'jsonpath={.spec.holderIdentity}'

if [ "$MOON_TARGET" = cluster ]; then
    kill "$SIM_PID"
    wait "$SIM_PID"
    check "the player ends well" test $? -eq 0
    k delete pod asleep --wait=false >/dev/null
    pod next agent n1
    background sim "$MOONSET" sim --attach --kubeconfig "$CLUSTER_DIR/sim.kubeconfig"
    eventually 20 "another player goes on: starts" is "Running true 0 " state next
    eventually 20 "and ends" lacks asleep k get pods -o name
fi
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
