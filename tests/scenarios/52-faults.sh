# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# An API server that errs on purpose (moonset sim --fault): what kubectl makes of it, that moonset
# gets over it, and that the simulation's own clients are not hit.
. "$(dirname "$0")/../harness.sh"

# refuses TEXT LINE: such a fault is not taken.
refuses()
{
    local out
    out=$(timeout 10 "$MOONSET" sim --fault "$2" 2>&1)
    [ $? -eq 2 ] || { echo "ended otherwise: $out"; return 1; }
    has "$1" echo "$out"
}

each_node_has_one()
{
    is "n1 n2 n3" pod_nodes app=agent
}

check "a fault that is none" refuses "sim: --fault 'get pods cut': there is no fault \"cut\"" \
    "get pods cut"
check "a fault of watches for a list" refuses "fault silent strikes watches" "list pods silent"

SIM_FLAGS=(
    --fault 'get configmaps 503 retry-after=1s client=kubectl'
    --fault 'create configmaps 403 client=kubectl'
    --fault 'create configmaps timeout client=kubectl first=2'
    --fault 'delete configmaps 409 client=kubectl'
    --fault 'create pods cut-after client=moonset/ first=2 times=2'
    --fault 'create pods 500 client=moonset/ first=4 times=2'
    --fault 'patch daemonsets/status 409 client=moonset/ times=2'
    --fault 'watch pods half-line client=moonset/ lines=3'
    --fault 'watch nodes gone client=moonset/ lines=1'
    --fault 'delete pods restart client=moonset/'
)
cluster_up n1 n2 n3

check "kubectl is forbidden to create" has \
    'User "system:anonymous" cannot create resource "configmaps"' k create configmap a
check "kubectl meets a proxy that did not wait" \
    has "unable to return a response in the time allotted" k create configmap a
check "which has created nevertheless" has "already exists" k create configmap a
check "kubectl meets a conflict" has "the object has been modified" k delete configmap a
check "kubectl tries again after 503 and Retry-After" has "configmap/a" k get configmap a -o name

moonset_up
create_agent
eventually 60 "moonset gets over lost and refused calls" is "3 3 3 3 3" ds_counts agent
k set image ds/agent c=agent:2 >/dev/null
eventually 60 "and over a restart in the middle of a roll" \
    has 'successfully rolled out' k rollout status ds/agent --timeout=1s
eventually 20 "one pod on each node" each_node_has_one
for fault in cut-after status half-line gone restart; do
    check "$fault was met" has "fault $fault:" cat "$WORK/sim.log"
done
check "only by those it was meant for" lacks "for moonset-sim" cat "$WORK/sim.log"
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
