# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# harness.sh - what every scenario test sources: a cluster (embedded or real), moonset, and checks.
#
# A scenario is a bash file that sources this one, calls cluster_up, and then uses `check` and
# `eventually`. It prints one line per check ("ok - …" or "not ok - …"), and ends non-zero when any
# failed. The same file runs on the embedded API server (MOON_TARGET=sim) and on a real control plane
# (MOON_TARGET=cluster): it must not see a difference.

set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/.." && pwd)
MOONSET=${MOONSET:-$ROOT/build/moonset}
MOON_TARGET=${MOON_TARGET:-sim}
KUBECTL=${KUBECTL:-kubectl}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/moonset-test.XXXXXX")
PIDS=()
CLUSTER_DIR=
[ -n "${SIM_FLAGS+x}" ] || SIM_FLAGS=()
[ -n "${PLAYER_FLAGS+x}" ] || PLAYER_FLAGS=()
[ -n "${CLUSTER_FLAGS+x}" ] || CLUSTER_FLAGS=()
FAILED=0
PASSED=0
SKIPPED=0

cleanup()
{
    local pid
    for pid in "${PIDS[@]:-}"; do
        [ -z "$pid" ] || kill "$pid" 2>/dev/null
    done
    for pid in "${PIDS[@]:-}"; do
        [ -z "$pid" ] || wait "$pid" 2>/dev/null
    done
    [ -z "$CLUSTER_DIR" ] || "$ROOT/tests/cluster/down" "$CLUSTER_DIR" >/dev/null 2>&1
    if [ "$FAILED" -gt 0 ] || [ -n "${MOON_KEEP:-}" ]; then
        echo "# logs are in $WORK"
    else
        rm -rf "$WORK"
    fi
}
trap cleanup EXIT

ok()
{
    PASSED=$((PASSED + 1))
    echo "ok - $1"
}

not_ok()
{
    FAILED=$((FAILED + 1))
    echo "not ok - $1"
    shift
    [ $# -eq 0 ] || printf '#   %s\n' "$@"
}

# skip WHAT: cannot be checked on this machine; tests/run counts these.
skip()
{
    SKIPPED=$((SKIPPED + 1))
    echo "skip - $1"
}

# check WHAT COMMAND…: the command succeeds now.
check()
{
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        ok "$what"
    else
        not_ok "$what" "$out"
    fi
}

# eventually SECONDS WHAT COMMAND…: the command succeeds within a deadline.
eventually()
{
    local deadline=$((SECONDS + $1)) what=$2 out=
    shift 2
    until out=$("$@" 2>&1); do
        if [ "$SECONDS" -ge "$deadline" ]; then
            not_ok "$what" "not within the deadline; last output:" "$out"
            return 1
        fi
        sleep 0.1
    done
    ok "$what"
}

# is TEXT COMMAND…: the command prints exactly TEXT.
is()
{
    local want=$1 got
    shift
    got=$("$@" 2>&1)
    [ "$got" = "$want" ] || { echo "want: $want"; echo "got:  $got"; return 1; }
}

# has TEXT COMMAND…: the command's output contains TEXT.
has()
{
    local want=$1 got
    shift
    got=$("$@" 2>&1)
    case $got in *"$want"*) ;; *) echo "want …$want… in:"; echo "$got"; return 1 ;; esac
}

# lacks TEXT COMMAND…
lacks()
{
    local want=$1 got
    shift
    got=$("$@" 2>&1) || [ -n "$got" ] || { echo "it failed, and said nothing"; return 1; }
    case $got in *"$want"*) echo "do not want …$want… in:"; echo "$got"; return 1 ;; esac
}

# status_is STATUS COMMAND…: that is how it ends.
status_is()
{
    local want=$1 got out
    shift
    out=$("$@" 2>&1)
    got=$?
    [ "$got" -eq "$want" ] || { echo "status $got, want $want: $out"; return 1; }
}

# background NAME COMMAND…: start, log to $WORK/NAME.log, stop at the end; its pid is in $LAST_PID.
background()
{
    local name=$1
    shift
    "$@" >>"$WORK/$name.log" 2>&1 &
    LAST_PID=$!
    PIDS+=("$LAST_PID")
}

k()
{
    "$KUBECTL" "$@"
}

# cluster_up [NODE…]: an API server with nodes played by moonset; KUBECONFIG is the admin's,
# $MOONSET_KUBECONFIG what the controller uses. SIM_FLAGS go to the embedded one, CLUSTER_FLAGS to
# tests/cluster/up, PLAYER_FLAGS to whoever plays the nodes.
cluster_up()
{
    case $MOON_TARGET in
    sim) sim_up ;;
    cluster) real_up ;;
    *) echo "MOON_TARGET=$MOON_TARGET: sim or cluster" >&2; exit 2 ;;
    esac
    local node
    for node in "$@"; do
        add_node "$node"
    done
}

sim_up()
{
    export KUBECONFIG=$WORK/admin.kubeconfig
    MOONSET_KUBECONFIG=$KUBECONFIG
    background sim "$MOONSET" sim --listen 127.0.0.1:0 --nodes 0 --write-kubeconfig "$KUBECONFIG" \
        "${PLAYER_FLAGS[@]}" "${SIM_FLAGS[@]}"
    SIM_PID=$LAST_PID
    eventually 20 "embedded API server answers" k get --raw /readyz
}

real_up()
{
    CLUSTER_DIR=$WORK/cluster
    "$ROOT/tests/cluster/up" --dir "$CLUSTER_DIR" "${CLUSTER_FLAGS[@]}" >"$WORK/cluster-up.log" 2>&1 ||
        { cat "$WORK/cluster-up.log"; exit 1; }
    export KUBECONFIG=$CLUSTER_DIR/admin.kubeconfig
    MOONSET_KUBECONFIG=$CLUSTER_DIR/moonset.kubeconfig
    background sim "$MOONSET" sim --attach --nodes 0 --kubeconfig "$CLUSTER_DIR/sim.kubeconfig" \
        "${PLAYER_FLAGS[@]}"
    SIM_PID=$LAST_PID
    ok "real control plane answers"
}

# add_node NAME [LABEL=VALUE…]: the node player plays every Node object there is.
add_node()
{
    local name=$1 label
    shift
    {
        printf '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s","labels":{' "$name"
        printf '"kubernetes.io/hostname":"%s"' "$name"
        for label in "$@"; do
            printf ',"%s":"%s"' "${label%%=*}" "${label#*=}"
        done
        printf '}}}'
    } | k create -f - >/dev/null
}

# create_agent: the plainest DaemonSet, `agent`, with pods labelled app=agent.
create_agent()
{
    k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: agent}]}
YAML
}

# moonset_up [FLAG…]: the controller; log in $WORK/moonset.log, pid in $MOONSET_PID.
moonset_up()
{
    background moonset "$MOONSET" run --kubeconfig "$MOONSET_KUBECONFIG" --leader-elect=false \
        --listen 127.0.0.1:0 "$@"
    MOONSET_PID=$LAST_PID
}

moonset_down()
{
    kill "$MOONSET_PID" 2>/dev/null
    wait "$MOONSET_PID"
}

# ds_counts NAME: "desired current ready updated available" of a DaemonSet in $NS (default).
ds_counts()
{
    k -n "${NS:-default}" get ds "$1" -o go-template='{{or .status.desiredNumberScheduled 0}} {{or .status.currentNumberScheduled 0}} {{or .status.numberReady 0}} {{or .status.updatedNumberScheduled 0}} {{or .status.numberAvailable 0}}'
}

# pod_nodes SELECTOR: node names of the pods, sorted, on one line.
pod_nodes()
{
    k -n "${NS:-default}" get pods -l "$1" -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort | tr '\n' ' ' | sed 's/ $//'
}

# finish: the end of every scenario.
finish()
{
    echo "# $(basename "$0") on $MOON_TARGET: $PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ "$FAILED" -eq 0 ]
    exit
}
