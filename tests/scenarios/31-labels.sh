# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A pod's revision hash label is taken away by hand and put back: the pod leaves the main watch, but
# it is still ours, and no second pod may appear beside it. Adoption and release by label, too.
. "$(dirname "$0")/../harness.sh"

uids()
{
    k get pods -l app=agent -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}' | sort | tr '\n' ' '
}

owner_of()
{
    k get pod "$1" -o jsonpath='{.metadata.ownerReferences[*].name}'
}

cluster_up n1 n2 n3
moonset_up --orphan-interval 2s
create_agent
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
before=$(uids)
pod=$(k get pods -l app=agent -o jsonpath='{.items[0].metadata.name}')
hash=$(k get pod "$pod" -o jsonpath='{.metadata.labels.controller-revision-hash}')

check "take the label away" k label pod "$pod" controller-revision-hash-
# The watch tells of it, unless the look for pods without the label comes first.
eventually 10 "moonset follows the pod by other means" \
    grep -qE "lost its controller-revision-hash|following pods without the hash label" "$WORK/moonset.log"
check "an update of the set in the meantime" k annotate ds agent probe=1
eventually 10 "it still counts" is "3 3 3 3 3" ds_counts agent
check "no second pod, no ghost" is "$before" uids
check "put the label back" k label pod "$pod" "controller-revision-hash=$hash"
check "another update" k annotate ds agent --overwrite probe=2
eventually 10 "all as before" is "3 3 3 3 3" ds_counts agent
check "still the same pods" is "$before" uids
check "its deletion is noticed" k delete pod "$pod"
eventually 20 "and it is replaced once" is "3 3 3 3 3" ds_counts agent
check "three pods" test "$(k get pods -l app=agent --no-headers | wc -l)" -eq 3

pod=$(k get pods -l app=agent -o jsonpath='{.items[0].metadata.name}')
check "a pod that no longer matches" k label pod "$pod" --overwrite app=other
eventually 20 "is released" is "" owner_of "$pod"
eventually 20 "and replaced" is "3 3 3 3 3" ds_counts agent
moonset_down
check "moonset ended well" test $? -eq 0

k delete ds agent --cascade=orphan >/dev/null
eventually 20 "orphaned" is "" owner_of "$(k get pods -l app=agent -o jsonpath='{.items[0].metadata.name}')"
before=$(uids)
create_agent
moonset_up
eventually 30 "the new set adopts the pods" is "3 3 3 3 3" ds_counts agent
check "none was restarted" is "$before" uids
check "one revision, adopted too" test "$(k get controllerrevisions --no-headers | wc -l)" -eq 1
moonset_down
finish
