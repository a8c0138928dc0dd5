# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# The library of policies at work, one after the other, named by a set as a user would.
. "$(dirname "$0")/../harness.sh"

# use POLICIES [PARAMS]: they decide for the set from now on.
use()
{
    k annotate --overwrite ds agent "moonset.dev/policies=$1" "moonset.dev/params=${2:-}" >/dev/null
}

nodes() # that have a pod which is not on its way out
{
    k get pods -l app=agent -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null)
        | .spec.nodeName' | sort | xargs
}

images() # IMAGE: the nodes that have it
{
    k get pods -l app=agent -o json | jq -r --arg image "$1" '.items[]
        | select(.metadata.deletionTimestamp == null and .spec.containers[0].image == $image)
        | .spec.nodeName' | sort | xargs
}

max_unavailable()
{
    k patch ds agent -p "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":$1}}}}" >/dev/null
}

update_to() # IMAGE
{
    k set image ds/agent "c=$1" >/dev/null
}

count() # FIELD of the status
{
    k get ds agent -o "jsonpath={.status.$1}"
}

counts() # FIELD…
{
    k get ds agent -o json | jq -r --args '[$ARGS.positional[] as $f | .status[$f] // 0] | join(" ")' "$@"
}

new_pod() # IMAGE: the name of the only one
{
    k get pods -l app=agent -o json | jq -r --arg image "$1" '.items[]
        | select(.spec.containers[0].image == $image) | .metadata.name'
}

held()
{
    "$MOONSET" explain --kubeconfig "$MOONSET_KUBECONFIG" default/agent
}

request() # RESOURCE NODE
{
    k get pods -l app=agent -o json | jq -r --arg node "$2" --arg resource "$1" '.items[]
        | select(.spec.nodeName == $node and .metadata.deletionTimestamp == null)
        | .spec.containers[0].resources.requests[$resource] // ""'
}

zone=topology.kubernetes.io/zone
cluster_up
for i in 1 2 3; do
    add_node "a$i" $zone=a
    add_node "b$i" $zone=b
done
all="a1 a2 a3 b1 b2 b3"
moonset_up
create_agent
max_unavailable 6
eventually 30 "six pods" is "$all" nodes
eventually 30 "all available" is "6 6 6 6 6" ds_counts agent

# Placement.
use node-selection/sample "{nodes: 1, by: $zone}"
eventually 30 "one in each zone" is "2" count desiredNumberScheduled
use node-selection/cordoned "{wish: leave}"
eventually 30 "all nodes again" is "$all" nodes
k cordon a1 >/dev/null
eventually 30 "a cordoned node loses its pod" is "a2 a3 b1 b2 b3" nodes
use node-selection/cordoned "{wish: run}"
eventually 30 "or has it as any other" is "$all" nodes
k uncordon a1 >/dev/null
k label node b3 eks.amazonaws.com/compute-type=fargate >/dev/null
use node-selection/physical
eventually 30 "no pod where none can be" is "a1 a2 a3 b1 b2" nodes
k label node b3 eks.amazonaws.com/compute-type- >/dev/null
k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: driver}
spec:
  selector: {matchLabels: {app: driver}}
  template:
    metadata: {labels: {app: driver}}
    spec: {nodeSelector: {driver: wanted}, containers: [{name: c, image: driver}]}
YAML
k label node a1 b1 driver=wanted >/dev/null
use node-selection/after-peer "{after: [default/driver], leave: true}"
eventually 30 "only where another daemon is ready" is "a1 b1" nodes
k label node b1 driver- >/dev/null
eventually 30 "and where it goes it goes, too" is "a1" nodes
k delete ds driver >/dev/null
use update/first-install "{at_once: 6}"
eventually 30 "a paced installation comes to its end, too" is "$all" nodes
eventually 30 "all available" is "6 6 6 6 6" ds_counts agent

# Gates.
use gate/approval "{free: 1}"
max_unavailable 1
update_to agent:v2
eventually 30 "the first node is free" is "1" count updatedNumberScheduled
eventually 30 "then somebody is asked" has "waits for moonset.dev/approved-revision" held
hash=$(k get pods -l app=agent -o json | jq -r '.items[] | select(.spec.containers[0].image == "agent:v2") | .metadata.labels["controller-revision-hash"]')
k annotate ds agent "moonset.dev/approved-revision=$hash" >/dev/null
max_unavailable 6
eventually 60 "approved, it goes on" is "$all" images agent:v2
use gate/window '{windows: "2000-01-01"}'
update_to agent:v3
eventually 30 "not outside of the window" has "outside of 2000-01-01" held
check "no pod is new" is "" images agent:v3
use gate/soak "{soak: 1s}"
eventually 60 "soaked, it is everywhere" is "$all" images agent:v3
use gate/quiet,gate/approval "{quiet: 1h, free: 1}"
max_unavailable 1
update_to agent:v3-quiet
eventually 30 "a first new pod" is "1 6" counts updatedNumberScheduled numberAvailable
k patch pod "$(new_pod agent:v3-quiet)" --subresource=status -p '{"status":{"phase":"Failed"}}' >/dev/null
eventually 30 "it has failed: nothing more" has "has failed; quiet is waited for" held
use gate/quiet "{quiet: 1s}"
max_unavailable 6
eventually 60 "after a quiet while it goes on" is "$all" images agent:v3-quiet

# Updates.
use update/by-group "{budget: 100%, order: [b]}"
k patch ds agent -p '{"spec":{"minReadySeconds":3}}' >/dev/null
update_to agent:v4
eventually 30 "zone b first" is "b1 b2 b3" images agent:v4
eventually 60 "then zone a" is "$all" images agent:v4
k patch ds agent -p '{"spec":{"minReadySeconds":0}}' >/dev/null
use update/strict
update_to agent:v5
eventually 60 "strictly" is "$all" images agent:v5
k annotate ds agent moonset.dev/budget-owner=policy >/dev/null
use update/past-dead-nodes
update_to agent:v6
eventually 60 "past nodes that are dead, if there were any" is "$all" images agent:v6
k annotate ds agent moonset.dev/budget-owner- >/dev/null
k patch ds agent -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":0,"maxSurge":3}}}}' >/dev/null
use update/surge-where-room "{memory: 1Mi}"
update_to agent:v7
eventually 60 "beside the old ones, where there is room" is "$all" images agent:v7
k patch ds agent -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":1,"maxSurge":0}}}}' >/dev/null
use update/guarded "{ready_within: 2s, action: rollback}"
update_to agent:broken
eventually 60 "a template whose pods do not start is taken back" has "agent:v7" k get ds agent -o 'jsonpath={.spec.template.spec.containers[0].image}'
eventually 60 "and its pods with it" is "$all" images agent:v7
k annotate ds agent moonset.dev/rolled-back- moonset.dev/paused- >/dev/null

# What pods are made of.
max_unavailable 6
k label node a1 moonset.dev/canary=true >/dev/null
use update/canary
eventually 60 "complete" is "6 6 6 6 6" ds_counts agent
update_to agent:v8
eventually 60 "a canary" is "a1" images agent:v8
eventually 20 "and nobody else" is "a2 a3 b1 b2 b3" images agent:v7
hash=$(k get pods -l app=agent -o json | jq -r '.items[] | select(.spec.containers[0].image == "agent:v8") | .metadata.labels["controller-revision-hash"]')
use update/canary "{promoted: $hash}"
eventually 60 "promoted" is "$all" images agent:v8
use mutate/images "{container: c, labels: [\"$zone=b agent:for-b\"]}"
eventually 60 "another image for a zone" is "b1 b2 b3" images agent:for-b
k patch node a2 --subresource=status -p '{"status":{"allocatable":{"cpu":"8","memory":"16Gi"}}}' >/dev/null
use mutate/by-size "{container: c, cpu: 5%, memory: 1%, max_memory: 64Mi}"
eventually 60 "resources by size" is "400m" request cpu a2
eventually 20 "within bounds" is "64Mi" request memory a2
