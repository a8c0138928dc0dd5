# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: cluster
#
# The stock DaemonSet controller and moonset, one after the other on a real control plane, with the same
# nodes and the same 25 sets: node selectors, affinities, names, taints and tolerations of all kinds.
# Both must put pods on the nodes of the table below, before and after the nodes change, and count
# them alike; and moonset's pods and revisions must be the stock controller's, but for names, uids,
# times and hashes.
. "$(dirname "$0")/../harness.sh"

KCM=${XDG_CACHE_HOME:-$HOME/.cache}/moonset/kube-1.20.2/bin/kube-controller-manager

# NAME | nodes | nodes after the change, * = the pod may stay, but is not wanted | spec of the pods
SETS='
plain          | n0 n1 n2 n3 n6 n7       | n0* n2 n3 n4 n6 n7    | {}
selector       | n1 n3                   | n2                    | {"nodeSelector": {"color": "blue"}}
two-pairs      | n1                      | n2                    | {"nodeSelector": {"color": "blue", "speed": "fast"}}
nowhere        |                         |                       | {"nodeSelector": {"color": "green"}}
named          | n2                      | n2                    | {"nodeName": "n2"}
named-missing  |                         |                       | {"nodeName": "n9"}
named-selector |                         | n2                    | {"nodeName": "n2", "nodeSelector": {"color": "blue"}}
in             | n1 n2 n3                | n2                    | IF(color In blue,red)
not-in         | n0 n2 n6 n7             | n0* n3 n4 n6 n7       | IF(color NotIn blue)
exists         | n1 n2                   | n2                    | IF(speed Exists)
does-not-exist | n0 n6 n7                | n0* n3 n4 n6 n7       | IF(color DoesNotExist)
gt             | n1 n2                   | n2                    | IF(num Gt 203)
lt             | n1                      |                       | IF(num Lt 206)
alternatives   | n0 n2                   | n0*                   | IF(color In red OR metadata.name In n0)
both           | n2                      | n2                    | IF(speed Exists AND metadata.name NotIn n1)
preferred      | n0 n1 n2 n3 n6 n7       | n0* n2 n3 n4 n6 n7    | {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [{"key": "color", "operator": "Exists"}]}}]}}}
exists-key     | n0 n1 n2 n3 n4 n5 n6 n7 | n0* n2 n3 n4 n5 n6 n7 | {"tolerations": [{"key": "dedicated", "operator": "Exists"}]}
one-effect     | n0 n1 n2 n3 n4 n6 n7    | n0* n2 n3 n4 n6 n7    | {"tolerations": [{"key": "dedicated", "value": "user1", "effect": "NoSchedule"}]}
other-value    | n0 n1 n2 n3 n6 n7       | n0* n2 n3 n4 n6 n7    | {"tolerations": [{"key": "dedicated", "operator": "Equal", "value": "user2"}]}
everything     | n0 n1 n2 n3 n4 n5 n6 n7 | n0 n1 n2 n3 n4 n5 n6 n7 | {"tolerations": [{"operator": "Exists"}]}
seconds        | n0 n1 n2 n3 n6 n7       | n0* n2 n3 n4 n6 n7    | {"tolerations": [{"key": "a", "operator": "Exists"}, {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]}
host-network   | n0 n1 n2 n3 n6 n7       | n0* n2 n3 n4 n6 n7    | {"hostNetwork": true, "hostPID": true, "priorityClassName": "system-node-critical"}
huge           | n0 n1 n2 n3 n6 n7       | n0* n2 n3 n4 n6 n7    | {"containers": [{"name": "c", "image": "agent", "resources": {"requests": {"cpu": "1k"}}}]}
alone          | n1 n2                   | n2                    | {"nodeSelector": {"speed": "fast"}, "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "alone"}}}]}}}
a-name-that-is-so-long-that-the-server-cuts-it-for-its-pods | n2 | n2 | {"nodeName": "n2", "schedulerName": "other", "terminationGracePeriodSeconds": 0}
'

# table WHICH: the rows as lines "NAME | WHICH", WHICH a number of a column.
table()
{
    sed '/^$/d' <<<"$SETS" | awk -F ' *[|] *' -v at="$1" '{ print $1 " | " $at }'
}

# "IF(key op a,b AND key op …)", AND inside of a term, OR between terms, to a pod spec as JSON.
spec_of()
{
    case $1 in
    "IF("*) jq -cRn --arg text "${1#IF(}" '
        ($text | rtrimstr(")") | split(" OR ") | map(split(" AND ") | map(split(" ")
            | {key: .[0], operator: .[1]} + if .[2] then {values: .[2] | split(",")} else {} end))
            | map({matchExpressions: map(select(.key != "metadata.name")),
                   matchFields: map(select(.key == "metadata.name"))}
                  | with_entries(select(.value != [])))) as $terms
        | {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution:
            {nodeSelectorTerms: $terms}}}}' ;;
    *) echo "$1" ;;
    esac
}

create_sets()
{
    local name spec
    table 4 | while IFS='|' read -r name spec; do
        jq -cn --arg name "${name% }" --argjson spec "$(spec_of "${spec# }")" '{
            apiVersion: "apps/v1", kind: "DaemonSet", metadata: {name: $name},
            spec: {selector: {matchLabels: {app: $name}}, template: {
                metadata: {labels: {app: $name, "example.com/x": "y"}, annotations: {note: "\u003c&\u003e"}},
                spec: ({containers: [{name: "c", image: "agent", ports: [{containerPort: 80}]}]} + $spec
                       | if .hostNetwork then del(.containers[0].ports) else . end)}}}'
    done | k create -f - >/dev/null
}

# ---- the nodes ----

make_nodes()
{
    add_node n0
    add_node n1 color=blue speed=fast num=0204
    add_node n2 color=red speed=fast num=0206
    add_node n3 color=blue num=many
    for node in n4 n5 n6 n7; do
        add_node "$node"
    done
    k taint node n4 dedicated=user1:NoSchedule >/dev/null
    k taint node n5 dedicated=user1:NoExecute >/dev/null
    k taint node n6 soft=x:PreferNoSchedule >/dev/null
    k cordon n7 >/dev/null
}

change_nodes()
{
    k taint node n0 closed=x:NoSchedule
    k taint node n1 closed=x:NoExecute
    k label node n2 color=blue --overwrite
    k label node n3 color-
    k taint node n4 dedicated-
} >/dev/null

change_nodes_back()
{
    k taint node n0 n1 closed-
    k label node n2 color=red --overwrite
    k label node n3 color=blue
    k taint node n4 dedicated=user1:NoSchedule
} >/dev/null

ready_nodes()
{
    k get nodes -o json | jq -r '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True")
        and all(.spec.taints[]?; .key != "node.kubernetes.io/not-ready"))] | length'
}

# ---- what is there ----

PIN='.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values[0]'

# "NAME | nodes | desired current updated ready available misscheduled observed" of each set, sorted.
seen()
{
    jq -rn --slurpfile pods <(k get pods -o json) --slurpfile sets <(k get ds -o json) "
        (\$pods[0].items | map(select(.metadata.deletionTimestamp == null))
            | group_by(.metadata.labels.app) | map({key: .[0].metadata.labels.app,
              value: map($PIN) | sort | join(\" \")}) | from_entries) as \$nodes
        | \$sets[0].items[] | .status as \$s
        | [.metadata.name, \"|\", \$nodes[.metadata.name] // empty, \"|\", \$s.desiredNumberScheduled,
           \$s.currentNumberScheduled, \$s.updatedNumberScheduled // 0, \$s.numberReady // 0,
           \$s.numberAvailable // 0, \$s.numberMisscheduled, \$s.observedGeneration]
        | map(tostring) | join(\" \")" | sort
}

# The same as it should be, by the column of the table.
wanted()
{
    table "$1" | awk -F ' [|] ?' '{
        all = split($2, nodes, " ")
        kept = gsub(/\*/, "", $2)
        n = all - kept
        ready = $1 == "huge" ? 0 : n
        print $1 " |" (all ? " " $2 : "") " | " n, n, n, ready, ready, kept, 1
    }' | sort
}

as_wanted()
{
    diff <(wanted "$1") <(seen)
}

# Pods and revisions without what differs from one run to the next.
pods()
{
    k get pods -o json | jq -S -c '.items[] | select(.metadata.deletionTimestamp == null) | {metadata, spec}
        | .metadata |= (del(.name, .uid, .resourceVersion, .creationTimestamp, .managedFields, .selfLink)
            | .labels["controller-revision-hash"] = "HASH" | .ownerReferences[].uid = "UID")
        | if .metadata.labels.app | test("^(named|a-name)") then . else del(.spec.nodeName) end' | sort
}

revisions()
{
    k get controllerrevisions -o json | jq -S -c '.items[] | {data, revision, labels: .metadata.labels,
        owner: .metadata.ownerReferences[0]} | .labels["controller-revision-hash"] = "HASH" | .owner.uid = "UID"' | sort
}

nothing_left()
{
    is "" k get pods,controllerrevisions -o name
}

# ---- the two runs ----

# run WHO: sets are made, nodes change; leaves what was seen in files.
run()
{
    create_sets
    eventually 60 "$1: every set has its pods where the table says, and counts them" as_wanted 2
    pods >"$WORK/$1.pods"
    revisions >"$WORK/$1.revisions"
    change_nodes
    eventually 60 "$1: nodes change, pods follow" as_wanted 3
    pods >"$WORK/$1.pods-later"
}

cluster_up
make_nodes
eventually 30 "eight nodes are ready" is 8 ready_nodes
background stock "$KCM" --kubeconfig "$KUBECONFIG" --leader-elect=false --port=0 --secure-port=0 \
    --controllers=daemonset --kube-api-qps=1000 --kube-api-burst=1000
stock=$LAST_PID
run stock
kill "$stock"
wait "$stock"

k delete ds --all >/dev/null
eventually 60 "all of it is collected" nothing_left
change_nodes_back
moonset_up
run moonset
check "pods are the stock controller's, but for names and uids" diff "$WORK/stock.pods" "$WORK/moonset.pods"
check "later ones, too" diff "$WORK/stock.pods-later" "$WORK/moonset.pods-later"
check "revisions are the stock controller's, but for names and uids" diff "$WORK/stock.revisions" "$WORK/moonset.revisions"
echo "# $(wc -l <"$WORK/moonset.pods") pods, $(wc -l <"$WORK/moonset.revisions") revisions compared"
moonset_down
check "moonset ended well" test $? -eq 0
finish
