# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# The simulated cluster ends at once and clean, whatever is going on: open watches, read and unread,
# calls on their way, nodes still being made. Under ASan "clean" means that nothing leaks.
. "$(dirname "$0")/../harness.sh"

# sim_start FLAG…: a cluster with a controller, the server's address in $URL.
sim_start()
{
    : >"$WORK/sim.log"
    background sim "$MOONSET" sim --listen 127.0.0.1:0 --with-controller --write-kubeconfig "$KUBECONFIG" "$@"
    SIM_PID=$LAST_PID
    eventually 30 "it is up" grep -q 'API server on' "$WORK/sim.log"
    URL=$(sed -n 's/^API server on //p' "$WORK/sim.log")
}

# watch NAME PATH [CURL FLAG…]: a watch in the background; $WORK/NAME.log gets its lines.
watch()
{
    local name=$1 path=$2
    shift 2
    background "$name" curl -sS -N --max-time 60 "$@" "$URL$path?watch=true&allowWatchBookmarks=true"
    eventually 10 "$name is open" grep -q '"type":"ADDED"' "$WORK/$name.log"
}

# ends SIGNAL: within ten seconds, with status 0 and nothing to complain about.
ends()
{
    local status
    kill "-$1" "$SIM_PID"
    eventually 10 "SIG$1 ends it" sh -c "! kill -0 $SIM_PID 2>/dev/null"
    wait "$SIM_PID"
    status=$?
    check "with status 0" test "$status" -eq 0
    check "and without a memory error or a leak" \
        sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error|assertion' '$WORK/sim.log'"
}

export KUBECONFIG=$WORK/admin.kubeconfig

sim_start --nodes 20
create_agent
eventually 30 "a set runs" is "20 20 20 20 20" ds_counts agent
watch pods /api/v1/pods
watch nodes /api/v1/nodes
watch sets /apis/apps/v1/daemonsets
k patch ds agent --type merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":"50%"}}}}' >/dev/null
k set image ds/agent c=agent:v2 >/dev/null
eventually 10 "in the middle of a roll" grep -q '"type":"DELETED"' "$WORK/pods.log"
ends TERM
eventually 5 "whoever watched is told" sh -c "! kill -0 ${PIDS[1]} 2>/dev/null"

sim_start --nodes 2000 --heartbeat 0
watch early /api/v1/nodes
ends INT

sim_start --nodes 50 --start-delay 1h
create_agent
eventually 30 "pods that start in an hour" is "50 50 0 50 0" ds_counts agent
k delete ds agent --wait=false >/dev/null
ends TERM
finish
