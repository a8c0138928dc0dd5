# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# A watch that stays open and says nothing, as behind a firewall that has forgotten the connection:
# after 90 s of silence, bookmarks included, it is opened again and goes on where it was.
. "$(dirname "$0")/../harness.sh"
. "$(dirname "$0")/../faults.sh"

pods()
{
    k get pods -l app=agent -o name
}

cluster_up n1
proxy_up
MOONSET_KUBECONFIG=$WORK/proxied
moonset_up
create_agent
eventually 20 "a pod" is "1 1 1 1 1" ds_counts agent
fault silent watch pods
sleep 2
fault none
first=$(pods)
check "its deletion is not heard of" k delete "$first"
sleep 2
check "so there is none" is "" pods
eventually 100 "the watch is opened again: another comes" has pod/agent- pods
check "nobody was alarmed" lacks level=error cat "$WORK/moonset.log"
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
