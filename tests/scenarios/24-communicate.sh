# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# examples/communicate: how one talks to the pods of a DaemonSet. What DNS and Services answer with is
# what Endpoints list, so these are looked at.
. "$(dirname "$0")/../harness.sh"

# addresses SERVICE: the ready addresses of its Endpoints with their nodes and ports, sorted.
addresses()
{
    k get endpoints "$1" -o go-template='{{range .subsets}}{{$ports := .ports}}{{range .addresses}}{{.ip}}@{{.nodeName}}{{range $ports}}:{{.port}}{{end}}{{"\n"}}{{end}}{{end}}' |
        sort | tr '\n' ' ' | sed 's/ $//'
}

# of_pods SELECTOR PORT: the same, from the pods that are ready.
of_pods()
{
    k get pods -l "$1" -o go-template='{{range .items}}{{$ip := .status.podIP}}{{$node := .spec.nodeName}}{{range .status.conditions}}{{if and (eq .type "Ready") (eq .status "True")}}{{$ip}}@{{$node}}:'"$2"'{{"\n"}}{{end}}{{end}}{{end}}' |
        sort | tr '\n' ' ' | sed 's/ $//'
}

# matches SERVICE SELECTOR PORT COUNT: Endpoints list exactly the ready pods, which are COUNT.
matches()
{
    local have want
    have=$(addresses "$1")
    want=$(of_pods "$2" "$3")
    [ "$have" = "$want" ] && [ "$(wc -w <<<"$have")" -eq "$4" ] || { echo "endpoints: $have"; echo "pods: $want"; return 1; }
}

# field KIND NAME JSONPATH
field()
{
    k get "$1" "$2" -o "jsonpath=$3"
}

cluster_up n1 n2 n3
moonset_up
for manifest in "$ROOT"/examples/communicate/*.yaml; do
    check "$(basename "$manifest") is accepted" k apply -f "$manifest"
done
for name in stats-push statsd peers cache; do
    eventually 60 "$name: on all nodes" is "3 3 3 3 3" ds_counts "$name"
done

# push
check "who pushes has no port" is "" field ds stats-push '{.spec.template.spec.containers[0].ports}'
eventually 30 "the name it pushes to is the database's pod" matches stats-db app=stats-db 8086 1

# node IP and known port
check "one daemon answers on each node's address" is "n1 n2 n3" pod_nodes app=statsd
check "at a port everybody knows" is 8125 \
    field ds statsd '{.spec.template.spec.containers[0].ports[0].hostPort}'
eventually 30 "a client knows the address of its node" has . field pod client '{.status.hostIP}'
node=$(field pod client '{.spec.nodeName}')
check "which is its daemon's, too" is "$(field pod client '{.status.hostIP}')" \
    k get pods -l app=statsd --field-selector "spec.nodeName=$node" -o 'jsonpath={.items[0].status.hostIP}'

# DNS
check "a headless Service has no address" is None field svc peers '{.spec.clusterIP}'
eventually 30 "its name has an A record per daemon" matches peers app=peers 7946 3
add_node n4
eventually 60 "a node joins" is "4 4 4 4 4" ds_counts peers
eventually 30 "and has an A record" matches peers app=peers 7946 4

# Service
check "a Service has one address" has . field svc cache '{.spec.clusterIP}'
eventually 30 "behind which all daemons are" matches cache app=cache 6379 4
pod=$(k get pods -l app=cache --field-selector spec.nodeName=n4 -o name)
k annotate "$pod" sim.moonset.dev/outcome=failed >/dev/null
eventually 30 "one that failed is replaced" lacks "${pod#pod/}" k get pods -l app=cache -o name
eventually 30 "and its address with it" matches cache app=cache 6379 4
k delete ds cache >/dev/null
eventually 30 "without daemons nobody answers" is "" addresses cache

moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
