# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# faults.sh - a proxy that spoils answers, between moonset and the API server of a scenario. Source it
# after harness.sh.

FAULT_PROXY=$(dirname "$MOONSET")/tests/scenarios/fault_proxy

# write_kubeconfig FILE SERVER CLUSTER USER: the last two are more YAML of their entries.
write_kubeconfig()
{
    cat >"$1" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "$2"${3:+, $3}}}]
users: [{name: u, user: {$4}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
YAML
}

# proxy_up [ADDR]: its address is in $PROXY, its process in $PROXY_PID; $WORK/proxied is the kubeconfig
# of who goes through it, as moonset does.
proxy_up()
{
    rm -f "$WORK/proxy.addr"
    "$FAULT_PROXY" "$KUBECONFIG" "${1:-127.0.0.1:0}" >"$WORK/proxy.addr" 2>>"$WORK/proxy.log" &
    PROXY_PID=$!
    PIDS+=("$PROXY_PID")
    until [ -s "$WORK/proxy.addr" ]; do
        kill -0 "$PROXY_PID" 2>/dev/null || { cat "$WORK/proxy.log"; exit 1; }
        sleep 0.05
    done
    PROXY=$(cat "$WORK/proxy.addr")
    if [ "$MOON_TARGET" = sim ]; then
        write_kubeconfig "$WORK/proxied" "http://$PROXY" "" ""
    else
        write_kubeconfig "$WORK/proxied" "http://$PROXY" "" "token: moonset-token"
    fi
}

# fault FAULT VERB RESOURCE: one more; `fault none` ends all.
fault()
{
    curl -s --noproxy '*' --max-time 5 -f -d "$*" "http://$PROXY/fault" || not_ok "fault $*"
}
