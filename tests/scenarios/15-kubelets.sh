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

# pod_with NAME NODE SPEC: members of the spec and of its one container, both ending in a comma.
pod_with()
{
    k create -f - >/dev/null <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1"},
 "spec":{"nodeName":"$2",$3"containers":[{$4"name":"c","image":"agent"}],
         "tolerations":[{"operator":"Exists"}]}}
JSON
}

# said NAME: status.message
said()
{
    k get pod "$1" -o jsonpath='{.status.message}'
}

# condition NODE TYPE: "status reason"
condition()
{
    k get node "$1" -o "jsonpath={range .status.conditions[?(@.type==\"$2\")]}{.status} {.reason}{end}"
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
eventually 10 "events tell that it was started" has "Started container c" k get events --field-selector involvedObject.name=plain
eventually 20 "and of back-offs" has "Back-off restarting failed container" k get events --field-selector involvedObject.name=crash

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

# What a node does not take.
add_node n4
k wait --for=condition=Ready node/n4 --timeout=20s >/dev/null
pod_with large n4 '' '"resources":{"requests":{"cpu":"100"}},'
eventually 10 "a pod that is too large is refused" is "Failed   OutOfcpu" state large
check "and told why" has "Pod Node didn't have enough resource: cpu, requested: 100000, used: 0, capacity: " said large
pod_with web n4 '' '"ports":[{"containerPort":80,"hostPort":8080}],'
eventually 10 "a host port" is "Running true 0 " state web
pod_with web2 n4 '' '"ports":[{"containerPort":80,"hostPort":8080}],'
eventually 10 "is given once" is "Failed   NodePorts" state web2
pod_with astray n4 '"nodeSelector":{"there":"not"},' ''
eventually 10 "a selector that does not match" is "Failed   NodeAffinity" state astray

# Containers that end.
pod_with once n4 '"restartPolicy":"Never",' ''
k annotate pod once sim.moonset.dev/outcome=crash sim.moonset.dev/exit-code=3 >/dev/null
eventually 10 "who crashes and is not restarted has failed" is "Failed false 0 " state once
check "with its exit code" is 3 k get pod once -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}'
pod_with job n4 '"restartPolicy":"OnFailure",' ''
k annotate pod job sim.moonset.dev/outcome=completed >/dev/null
eventually 10 "who completes has succeeded" is "Succeeded false 0 " state job

# An image that is gone, and is there again.
k annotate node n4 sim.moonset.dev/missing-images='nowhere:*' >/dev/null
pod lost nowhere:v1 n4
eventually 10 "an image that cannot be pulled there" is "Pending false 0 ErrImagePull" state lost
eventually 30 "the kubelet waits" is "Pending false 0 ImagePullBackOff" state lost
k annotate node n4 sim.moonset.dev/missing-images- >/dev/null
eventually 40 "and tries again" is "Running true 0 " state lost

# Its own time to stop, within the grace period.
pod stubborn agent n4 stop-after=never
eventually 10 "a pod that does not heed SIGTERM" is "Running true 0 " state stubborn
k delete pod stubborn --grace-period=3 --wait=false >/dev/null
check "runs on" has Running state stubborn
eventually 10 "an event tells that it is being stopped" has "Stopping container c" k get events --field-selector involvedObject.name=stubborn
eventually 10 "until it is killed" lacks stubborn k get pods -o name

# Power.
k annotate node n4 sim.moonset.dev/down=off >/dev/null
k annotate node n4 sim.moonset.dev/down- >/dev/null
eventually 10 "after a power cut containers start anew" is "Running true 1 " state web

# Pressure.
pod_with vital n4 '"priorityClassName":"system-node-critical",' ''
eventually 10 "a critical pod" is "Running true 0 " state vital
k annotate node n4 sim.moonset.dev/pressure=memory >/dev/null
eventually 10 "a node under memory pressure says so" is "True KubeletHasInsufficientMemory" condition n4 MemoryPressure
eventually 20 "and is tainted" has node.kubernetes.io/memory-pressure k get node n4 -o 'jsonpath={.spec.taints}'
eventually 20 "a pod is evicted" has "Evicted The node was low on resource: memory. " \
    k get pods --field-selector spec.nodeName=n4 -o 'jsonpath={range .items[*]}{.status.reason} {.status.message}{end}'
check "not the critical one" is "Running true 0 " state vital
k annotate node n4 --overwrite sim.moonset.dev/pressure=disk >/dev/null
pod refused4 agent n4
eventually 10 "a node under disk pressure takes nobody" is "Failed   Evicted" state refused4
check "and says why" is "Pod The node had condition: [DiskPressure]. " said refused4
k annotate node n4 sim.moonset.dev/pressure- >/dev/null
eventually 10 "pressure ends" is "False KubeletHasSufficientMemory" condition n4 MemoryPressure

# Shutdown.
k annotate node n4 sim.moonset.dev/shutdown=true >/dev/null
eventually 10 "a node that shuts down is not ready" is "False KubeletNotReady" condition n4 Ready
eventually 10 "its pods are terminated" is "Failed   Terminated" state vital
eventually 10 "events tell, too" has "status is now: NodeNotReady" k get events --field-selector involvedObject.name=n4
check "and told why" is "Pod was terminated in response to imminent node shutdown." said vital
k annotate node n4 sim.moonset.dev/shutdown- >/dev/null
eventually 20 "it boots" is "True KubeletReady" condition n4 Ready

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
