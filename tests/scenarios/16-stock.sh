# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: cluster
#
# The stock kube-scheduler and the DaemonSet controller of the stock kube-controller-manager, as
# clients of the embedded API server, with its own scheduler off: a set of 20 nodes through create,
# roll, node add and node remove, and no errors in their logs. It needs the binaries that
# tests/cluster/build makes, not the real control plane, hence the target.
MOON_TARGET=sim
SIM_FLAGS=(--scheduler=false)
. "$(dirname "$0")/../harness.sh"

BIN=${XDG_CACHE_HOME:-$HOME/.cache}/moonset/kube-1.20.2/bin
if [ ! -x "$BIN/kube-controller-manager" ] || [ ! -x "$BIN/kube-scheduler" ]; then
    skip "the stock programs: tests/cluster/build has not made them"
    finish
fi

# stock PROGRAM [FLAG…]: as a client of the sim, without ports of its own.
stock()
{
    background "$1" "$BIN/$1" --kubeconfig "$KUBECONFIG" --leader-elect=false --port=0 \
        --secure-port=0 --kube-api-content-type=application/json "${@:2}"
}

scheduled_by_stock() # how many pods carry its event
{
    k get events --field-selector reason=Scheduled -o name | wc -l
}

images()
{
    k get pods -l app=agent -o jsonpath='{range .items[*]}{.spec.containers[0].image}{"\n"}{end}' |
        sort | uniq -c | tr -s ' '
}

# errors PROGRAM: its error lines. That a write met a newer version is no error of anybody: the
# controller reads again, on a real API server as here.
errors()
{
    grep '^[EF][0-9]' "$WORK/$1.log" | grep -v 'the object has been modified'
}

# settled PROGRAM: it has said nothing for two seconds.
settled()
{
    [ $(($(date +%s) - $(stat -c %Y "$WORK/$1.log"))) -ge 2 ]
}

cluster_up
for i in $(seq 20); do
    printf '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n%d","labels":{"kubernetes.io/hostname":"n%d"}}}\n' \
        "$i" "$i"
done | k create -f - >/dev/null
create_agent

stock kube-controller-manager --controllers=daemonset
eventually 30 "the stock controller makes a pod for each node, nobody binds" is "20 20 0 20 0" \
    ds_counts agent
stock kube-scheduler
eventually 60 "the stock scheduler binds them" is "20 20 20 20 20" ds_counts agent
eventually 20 "and says so" is 20 scheduled_by_stock

k patch ds agent --type merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":5}}}}' \
    >/dev/null
k set image ds/agent c=agent:v2 >/dev/null
eventually 90 "a roll" is " 20 agent:v2" images
eventually 30 "all are ready again" is "20 20 20 20 20" ds_counts agent
check "rollout status agrees" k rollout status ds/agent --timeout 10s

add_node n21
eventually 30 "a node joins" is "21 21 21 21 21" ds_counts agent
k delete node n7 >/dev/null
eventually 30 "a node leaves" is "20 20 20 20 20" ds_counts agent
eventually 30 "with its pod" lacks " n7 " pod_nodes app=agent

for program in kube-controller-manager kube-scheduler; do
    eventually 30 "$program is done" settled "$program"
    check "$program logs no error" is "" errors "$program"
done
k delete ds agent >/dev/null
eventually 30 "the set goes, and its pods" is "" pod_nodes app=agent
finish
