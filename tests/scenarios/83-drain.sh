# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# Not on the control plane of the tests, which is older than evictions in policy/v1 (1.22).
#
# update/drain: a node is emptied before its daemon is replaced, as far as disruption budgets allow,
# also over a restart; what a person has cordoned stays so, and no node stays cordoned for a set that
# does not want it any more.
. "$(dirname "$0")/../harness.sh"

images() # IMAGE: the nodes that have it
{
    k get pods -l app=agent -o json | jq -r --arg image "$1" '.items[]
        | select(.metadata.deletionTimestamp == null and .spec.containers[0].image == $image)
        | .spec.nodeName' | sort | xargs
}

# held: the nodes that the set has cordoned.
held()
{
    k get nodes -o json | jq -r '.items[]
        | select(.spec.unschedulable and .metadata.annotations["moonset.dev/drained-by"] == "default/agent")
        | .metadata.name' | xargs
}

cordoned()
{
    k get nodes -o json | jq -r '.items[] | select(.spec.unschedulable) | .metadata.name' | xargs
}

explain() # [NODE]: as the running controller says
{
    local url
    url=http://$(sed -n 's/.*topic=admin.*addr=//p' "$WORK/moonset.log" | tail -n 1)
    "$MOONSET" explain --admin "$url" default/agent "$@"
}

update_to() # IMAGE
{
    k set image ds/agent "c=$1" >/dev/null
}

# pod_on NAME NODE [OWNER-UID]: one that a controller would make again, if it has an owner.
pod_on()
{
    local owners='[]'
    [ $# -lt 3 ] || owners="[{apiVersion: v1, kind: ConfigMap, name: owner, uid: $3, controller: true}]"
    k apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: "${1%-*}"}, ownerReferences: $owners}
spec:
  nodeName: $2
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: web}]
YAML
    eventually 20 "pod $1 runs on $2" is "True" k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}

gone() # POD
{
    is "" k get pod "$1" --ignore-not-found -o name
}

use() # POLICIES [PARAMS]
{
    k annotate --overwrite ds agent "moonset.dev/policies=$1" "moonset.dev/params=${2:-}" >/dev/null
}

events()
{
    k get events --field-selector involvedObject.name=agent
}

cluster_up n1 n2 n3
moonset_up
create_agent
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
k create configmap owner >/dev/null
owner=$(k get configmap owner -o 'jsonpath={.metadata.uid}')
pod_on web-1 n1 "$owner"
k create pdb web --selector app=web --min-available 1 >/dev/null
eventually 20 "the budget counts it" is "1" k get pdb web -o 'jsonpath={.status.currentHealthy}'
k cordon n2 >/dev/null
use update/drain
update_to agent:v2
if [ "$MOON_TARGET" = cluster ]; then
    eventually 20 "without the right it says so" has 'cannot patch resource "nodes"' events
    check "and nothing happens" is "n2" cordoned
    k apply -f "$ROOT/examples/addon/drain.yaml" >/dev/null
    k create clusterrolebinding moonset-drain-test --clusterrole moonset-drain --user moonset >/dev/null
fi
eventually 40 "the first node is cordoned" is "n1" held
eventually 20 "a disruption budget holds the drain" has "disruption budget" explain n1
check "an Event says so" has "Draining of node n1 waits: pod default/web-1" events
check "its daemon is the old one" is "n1 n2 n3" images agent
moonset_down
check "moonset ended well" test $? -eq 0
moonset_up
eventually 20 "a new process goes on" has "disruption budget" explain n1
check "with the same node" is "n1" held
pod_on bare n3
k delete pdb web >/dev/null
eventually 90 "the pod is evicted" gone web-1
eventually 30 "then the daemon is replaced" has "n1" images agent:v2
eventually 30 "n1 is given back, and what a person has cordoned passed over" is "n3" held
check "that one stays as it is" is "n2 n3" cordoned
eventually 20 "a pod that nobody would make again holds the next" has "pod default/bare: it has no controller" explain n3
check "explain says who has cordoned n2" has "not by this set" explain n2
use update/drain "{unmanaged: true}"
eventually 60 "unless that is allowed" gone bare
eventually 30 "that node's daemon is new" is "n1 n3" images agent:v2
eventually 30 "it is given back" is "" held
check "the person's is still cordoned" is "n2" cordoned
k uncordon n2 >/dev/null
eventually 90 "until they uncordon it: its turn" is "n1 n2 n3" images agent:v2
eventually 30 "no node is cordoned" is "" cordoned
eventually 20 "the roll is told" has "NodeUncordoned" events

use update/drain
pod_on bare n1
update_to agent:v3
eventually 30 "a drain that waits" is "n1" held
k annotate ds agent moonset.dev/policies- moonset.dev/params- >/dev/null
eventually 30 "another policy gives the node back" is "" cordoned
eventually 60 "and does without" is "n1 n2 n3" images agent:v3

use update/drain "{timeout: 2s}"
update_to agent:v4
eventually 60 "a drain that takes too long is given up" has "DrainGivenUp" events
eventually 60 "others go first" is "n2 n3" images agent:v4
eventually 30 "no node is cordoned" is "" cordoned
use update/drain "{retry: 1s}"
update_to agent:v5
eventually 30 "a drain waits" is "n1" held
k delete ds agent --cascade=orphan >/dev/null
eventually 30 "the nodes of a set that is gone are given back" is "" cordoned
check "an Event of the node says so" has "set default/agent, which drained it, is gone" k get events --field-selector involvedObject.name=n1
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
