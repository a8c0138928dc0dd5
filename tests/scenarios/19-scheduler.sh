# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# Where pods go, what they are told when they cannot, and who has to go for them. On the real control
# plane it is kube-scheduler that answers: the embedded one must say the same.
. "$(dirname "$0")/../harness.sh"

# pod NAME CPU [SPEC-MEMBERS [LABEL-MEMBERS]]: one that asks for so much cpu.
pod()
{
    k create -f - >/dev/null <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1","labels":{${4:-}}},
 "spec":{"terminationGracePeriodSeconds":1${3:+,$3},
         "containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"$2"}}}]}}
JSON
}

# port NAME PORT NODE
port()
{
    k create -f - >/dev/null <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1"},
 "spec":{$3,"containers":[{"name":"c","image":"i","ports":[{"containerPort":$2,"hostPort":$2}]}]}}
JSON
}

# gone POD…
gone()
{
    k delete pod "$@" --timeout=20s >/dev/null
}

on()
{
    k get pod "$1" -o 'jsonpath={.spec.nodeName}'
}

# why POD: what its condition says.
why()
{
    k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}'
}

# events POD REASON: messages
events()
{
    k get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'
}

N1='"nodeSelector":{"kubernetes.io/hostname":"n1"}'
AVAILABLE="0/2 nodes are available:"
ELSEWHERE="1 node(s) didn't match Pod's node affinity"
ALONE='"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"alone"}}}]}}'
TOGETHER='"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{"matchLabels":{"app":"alone"}}}]}}'

cluster_up
add_node n1 zone=a
add_node n2 zone=b
k wait --for=condition=Ready node/n1 node/n2 --timeout=20s >/dev/null

# ---- room ----
pod first 5 "$N1"
eventually 20 "a pod gets the node it asks for" is n1 on first
eventually 10 "and an event" is "Successfully assigned default/first to n1" events first Scheduled
pod second 5 "$N1"
eventually 20 "one that has no room is told" is "$AVAILABLE 1 Insufficient cpu, $ELSEWHERE." why second
eventually 10 "by an event, too" has "1 Insufficient cpu" events second FailedScheduling
pod third 5
eventually 20 "where there is room it goes" is n2 on third
pod huge 9
eventually 20 "nothing is large enough" is "$AVAILABLE 2 Insufficient cpu." why huge
gone first
eventually 20 "room is used when it is there" is n1 on second
gone second third huge

# ---- ports ----
port web 80 "$N1"
port rival 80 "$N1"
eventually 20 "a port of a node is one pod's" is "$AVAILABLE 1 node(s) didn't have free ports for the requested pod ports, $ELSEWHERE." why rival
gone web
eventually 20 "and the next one's" is n1 on rival
gone rival

# ---- nodes ----
k taint node n2 dedicated=db:NoSchedule >/dev/null
k cordon n1 >/dev/null
pod outsider 1
eventually 20 "taints and cordons are told" is "$AVAILABLE 1 node(s) had taint {dedicated: db}, that the pod didn't tolerate, 1 node(s) were unschedulable." why outsider
pod db 1 '"tolerations":[{"key":"dedicated","operator":"Exists"}]'
eventually 20 "who bears the taint goes there" is n2 on db
k uncordon n1 >/dev/null
eventually 20 "a node that is back is used" is n1 on outsider
k taint node n2 dedicated- >/dev/null
gone outsider db

# ---- other pods ----
pod near 1 "$TOGETHER"
eventually 20 "nobody to be near to" is "$AVAILABLE 2 node(s) didn't match pod affinity rules, 2 node(s) didn't match pod affinity/anti-affinity." why near
pod alone1 1 "$ALONE,\"nodeName\":\"n2\"" '"app":"alone"'
eventually 20 "somebody has come" is n2 on near
pod alone2 1 "$ALONE" '"app":"alone"'
eventually 20 "one of a kind on a node" is n1 on alone2
pod alone3 1 "$ALONE" '"app":"alone"'
eventually 20 "the third finds none" is "$AVAILABLE 2 node(s) didn't match pod affinity/anti-affinity, 2 node(s) didn't match pod anti-affinity rules." why alone3
gone near alone1 alone2 alone3

# ---- preemption ----
k create -f - >/dev/null <<'YAML'
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: urgent}
value: 1000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: patient}
value: 2000
preemptionPolicy: Never
YAML
pod low 5 "$N1"
eventually 20 "a pod without priority" is n1 on low
pod patient 5 "$N1,\"priorityClassName\":\"patient\""
eventually 20 "one that may not preempt waits" is "$AVAILABLE 1 Insufficient cpu, $ELSEWHERE." why patient
check "and nobody goes for it" is n1 on low
gone patient
pod urgent 5 "$N1,\"priorityClassName\":\"urgent\""
eventually 20 "one that may takes its place" is n1 on urgent
check "after it was nominated" is n1 k get pod urgent -o 'jsonpath={.status.nominatedNodeName}'
check "the other is gone" lacks low k get pods -o name
check "and has been told why" has "Preempted by default/urgent on node n1" events low Preempted

gone urgent
k create -f - >/dev/null <<'YAML'
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: guard}
spec: {minAvailable: 1, selector: {matchLabels: {app: guarded}}}
YAML
pod plain 5 '"nodeName":"n2"'
eventually 20 "a pod without a budget" is Running k get pod plain -o 'jsonpath={.status.phase}'
pod guarded 5 '"nodeName":"n1"' '"app":"guarded"'
eventually 20 "one with a budget" is Running k get pod guarded -o 'jsonpath={.status.phase}'
pod urgent2 5 '"priorityClassName":"urgent"'
eventually 20 "the one without a budget goes" is n2 on urgent2
gone urgent2 guarded

pod foreign 1 '"schedulerName":"another"'
pod native 1
eventually 20 "who asks for another scheduler" has n on native
check "is left to it" is "" on foreign
check "and told nothing" is "" why foreign
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
