# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# examples/daemons: each manifest is accepted, its pods are where they belong and become ready; one
# type of daemon in two sets; a roll, and a set that waits for somebody to delete its pods.
. "$(dirname "$0")/../harness.sh"

# accepts FILE: applied without a warning.
accepts()
{
    local out
    out=$(k apply -f "$ROOT/examples/daemons/$1" 2>&1) && [[ $out != *Warning* ]] || { echo "$out"; return 1; }
}

# runs NS NAME NODES…: the set has one available pod on each of these nodes and none elsewhere.
runs()
{
    local ns=$1 name=$2 n selector
    shift 2
    n=$#
    selector=$(k -n "$ns" get ds "$name" -o go-template='{{range $k, $v := .spec.selector.matchLabels}}{{$k}}={{$v}},{{end}}')
    NS=$ns eventually 60 "$name: $n available" is "$n $n $n $n $n" ds_counts "$name"
    NS=$ns check "$name: on $*" is "$*" pod_nodes "${selector%,}"
}

# of_pod NS SELECTOR JSONPATH: from its first pod.
of_pod()
{
    k -n "$1" get pods -l "$2" -o "jsonpath={.items[0]$3}"
}

cluster_up
add_node cp1 kubernetes.io/os=linux
k taint node cp1 node-role.kubernetes.io/control-plane=:NoSchedule >/dev/null
add_node w1 kubernetes.io/os=linux logging=logstash
add_node w2 kubernetes.io/os=linux
add_node s1 kubernetes.io/os=linux storage=gluster disk=nvme
add_node s2 kubernetes.io/os=linux disk=hdd
add_node s3 kubernetes.io/os=linux disk=hdd
k taint node s1 s2 s3 dedicated=storage:NoSchedule >/dev/null
moonset_up

for manifest in "$ROOT"/examples/daemons/*.yaml; do
    name=$(basename "$manifest")
    check "$name is accepted" accepts "$name"
done
runs monitoring node-exporter cp1 s1 s2 s3 w1 w2
runs kube-system kube-proxy cp1 s1 s2 s3 w1 w2
runs kube-system weave-net cp1 s1 s2 s3 w1 w2
runs logging fluentd cp1 w1 w2
runs logging logstash w1
runs storage glusterfs s1
runs storage ceph-osd-nvme s1
runs storage ceph-osd-hdd s2 s3

NS=storage check "one selector finds both sizes" is "s1 s2 s3" pod_nodes app=ceph-osd
check "each with its own memory" is 4Gi of_pod storage disk=nvme '.spec.containers[0].resources.requests.memory'
check "and flags" has 1073741824 of_pod storage disk=hdd '.spec.containers[0].args'
check "the class gives the priority" is 2000001000 of_pod kube-system name=weave-net .spec.priority
check "a daemon on the host's network tolerates a node without one" has network-unavailable \
    of_pod kube-system k8s-app=kube-proxy '.spec.tolerations[*].key'

k label node w2 logging=logstash >/dev/null
runs logging logstash w1 w2
k -n kube-system set image ds/weave-net weave=weaveworks/weave-kube:2.8.2 >/dev/null
check "a network agent is rolled" timeout 60 "$KUBECTL" -n kube-system rollout status ds/weave-net

k -n storage set image ds/glusterfs glusterd=gluster/gluster-centos:next >/dev/null
NS=storage eventually 20 "a new gluster waits" is "1 1 1 0 1" ds_counts glusterfs
k -n storage delete pod -l app=glusterfs >/dev/null
NS=storage eventually 20 "until its pod is deleted" is "1 1 1 1 1" ds_counts glusterfs

check "all are deleted by their manifests" k delete -f "$ROOT/examples/daemons" --ignore-not-found --timeout=60s
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
