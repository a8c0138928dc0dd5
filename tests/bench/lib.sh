# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lib.sh - what the benches share: a folder of their own, processes that end with the bench, what a
# process has used, waiting, and the sets that are measured.
#
# KUBECONFIG names the API server for kubectl; SERVER, and CA_FILE when it speaks TLS, for curl.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MOONSET=${MOONSET:-$ROOT/build/moonset}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/moonset-bench.XXXXXX")
NS=default
PIDS=()
export LC_ALL=C

die()
{
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# ---- processes ----

# background NAME COMMAND…: start, log to $WORK/NAME.log, stop at the end; its pid is in $LAST_PID.
background()
{
    local name=$1
    shift
    "$@" >>"$WORK/$name.log" 2>&1 &
    LAST_PID=$!
    PIDS+=("$LAST_PID")
}

# end PID…: and wait until it has.
end()
{
    local pid
    for pid in "$@"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
}

# Controllers before the nodes they keep, and the API server last.
end_all()
{
    local i
    for ((i = ${#PIDS[@]} - 1; i >= 0; i--)); do
        end "${PIDS[i]}"
    done
    PIDS=()
    if [ -d "$WORK/cluster" ]; then
        "$ROOT/tests/cluster/down" "$WORK/cluster" >/dev/null 2>&1 || true
        rm -rf "$WORK/cluster"
    fi
}
trap 'end_all; rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP

# cluster_up [FLAG…]: a real control plane of its own, without a DaemonSet controller.
cluster_up()
{
    "$ROOT/tests/cluster/up" --dir "$WORK/cluster" "$@" >"$WORK/up.log" 2>&1 ||
        { cat "$WORK/up.log" >&2; die "no control plane"; }
    # shellcheck disable=SC1091
    . "$WORK/cluster/env"
}

# ---- what a process has used ----

# CPU seconds, user and system, of the process alone.
cpu_s()
{
    awk -v tick="$(getconf CLK_TCK)" '{printf "%.2f", ($14 + $15) / tick}' "/proc/$1/stat"
}

# The peak of resident memory since the process began or since peak_reset.
peak_mb()
{
    awk '/VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$1/status"
}

peak_reset()
{
    echo 5 >"/proc/$1/clear_refs"
}

# calc FORMAT EXPRESSION
calc()
{
    awk "BEGIN {printf \"$1\", $2}"
}

# ---- waiting ----

# until_is SECONDS TEXT COMMAND…: wait until the command prints exactly this.
until_is()
{
    local want=$2 deadline=$((SECONDS + $1)) have=
    shift 2
    until have=$("$@" 2>/dev/null) && [ "$have" = "$want" ]; do
        [ "$SECONDS" -lt "$deadline" ] || die "waited for '$want' of '$*', have '$have'"
        sleep 0.2
    done
}

# api PATH [CURL FLAG…]: GET as admin, if the flags say nothing else. curl costs a tenth of what kubectl does, which
# counts where one polls. Under its own name it would be answered with spaces and line ends.
api()
{
    local path=$1
    shift
    curl -fsS --noproxy '*' -A moonset-bench ${CA_FILE:+--cacert "$CA_FILE" -H "Authorization: Bearer admin-token"} "$@" \
        "$SERVER$path"
}

# How many objects a path lists; one of them is sent.
count()
{
    local body more
    body=$(api "$1?limit=1") || return
    more=$(sed -n 's/.*"remainingItemCount":\([0-9]*\).*/\1/p' <<<"$body")
    case $body in
    *'"items":[]'*) echo 0 ;;
    *) echo $((${more:-0} + 1)) ;;
    esac
}

ready_nodes()
{
    kubectl get nodes --no-headers --chunk-size=0 | grep -c ' Ready ' || true
}

# ---- the sets ----

# sets_yaml COUNT IMAGE [ROLLING [HISTORY]]: agent-1, agent-2, …
sets_yaml()
{
    local i
    for ((i = 1; i <= $1; i++)); do
        cat <<YAML
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent-$i, namespace: $NS}
spec:
  selector: {matchLabels: {app: agent-$i}}
  revisionHistoryLimit: ${4:-10}
  updateStrategy: {rollingUpdate: {${3:-maxUnavailable: 10%}}}
  template:
    metadata: {labels: {app: agent-$i}}
    spec: {containers: [{name: c, image: "$2"}]}
YAML
    done
}

sets_create()
{
    sets_yaml "$@" | kubectl create --validate=false -f - >/dev/null
}

# One call a set, which costs the client less than apply or set image do.
sets_replace()
{
    sets_yaml "$@" | kubectl replace --validate=false -f - >/dev/null
}

# The sets are followed by a watch, so that waiting costs next to nothing and ends at once. Opened before
# what is waited for begins; sets_settle reads on from where it is.
sets_follow()
{
    exec {FOLLOW}< <(exec kubectl -n "$NS" get daemonsets -w -o jsonpath='{.metadata.name},{.metadata.generation},{.status.observedGeneration},{.status.desiredNumberScheduled},{.status.updatedNumberScheduled},{.status.numberAvailable}{"\n"}' 2>>"$WORK/follow.log")
    FOLLOW_PID=$!
}

sets_unfollow()
{
    end "$FOLLOW_PID"
    exec {FOLLOW}<&-
}

# sets_settle SECONDS GENERATION COUNT NODES: until each has been observed, updated, and is available on all nodes.
sets_settle()
{
    local name generation seen desired updated available line
    local deadline=$((SECONDS + $1))
    local -A settled=()
    while [ "${#settled[@]}" -lt "$3" ]; do
        IFS= read -r -t $((deadline > SECONDS ? deadline - SECONDS : 1)) -u "$FOLLOW" line ||
            die "generation $2 of $3 sets has not settled, last seen: ${line:-$name,$generation,$seen,$desired,$updated,$available}"
        IFS=, read -r name generation seen desired updated available <<<"$line"
        if [ "$generation" = "$2" ] && [ "$seen" = "$2" ] && [ "$desired" = "$4" ] &&
            [ "$updated" = "$4" ] && [ "$available" = "$4" ]; then
            settled[$name]=1
        else
            unset "settled[$name]"
        fi
    done
}

sets_delete()
{
    kubectl -n "$NS" delete daemonsets --all --wait=false >/dev/null
}
