# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# Not on the real control plane yet: seen to repeat the create of a revision there (a dry run only);
# passed there once, failed four times of four since. To be mended, then tested there again.
# --dry-run asks the server about each write and changes nothing; it says what it would do, once.
. "$(dirname "$0")/../harness.sh"

metrics()
{
    curl -sf "http://$(sed -n 's/.*topic=admin.*addr=//p' "$WORK/moonset.log" | tail -1)/metrics"
}

actions()
{
    metrics | awk '/^moonset_apply_actions_total/ { sum += $NF } END { print sum + 0 }'
}

cluster_up n1 n2
moonset_up
create_agent
eventually 30 "two pods" is "2 2 2 2 2" ds_counts agent
moonset_down
: >"$WORK/moonset.log"
before=$(k get pods,controllerrevisions -o name)
check "taint" k taint node n1 dedicated=db:NoSchedule
check "a pod goes" k delete pod --field-selector spec.nodeName=n2 -l app=agent --wait=true
k set image ds/agent c=agent:v2 >/dev/null
moonset_up --dry-run
eventually 20 "it works" sh -c "grep -q 'caches are complete' '$WORK/moonset.log'"
sleep 2
check "a few writes, no loop" test "$(actions)" -le 10
check "and more than none" test "$(actions)" -ge 1
check "nothing has been made" test "$(k get pods,controllerrevisions -o name | wc -l)" -eq "$(($(echo "$before" | wc -l) - 1))"
moonset_down
check "moonset ended well" test $? -eq 0
finish
