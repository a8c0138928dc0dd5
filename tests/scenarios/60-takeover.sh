# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: cluster
#
# The stock DaemonSet controller hands over to moonset, and moonset back, on a real control plane: 20
# nodes, a set in the middle of its roll, one with history and a rollback behind it, one with OnDelete
# and pods of three revisions. No pod goes but those the roll has to replace, no revision is made or
# written, no label and no owner changes, the roll goes on, and `rollout undo` finds the revisions of
# the other. Prints pods and revisions before and after. Then both run at once, by mistake: moonset says
# so, and once either is stopped the set is as it should be.
#
# kube-controller-manager runs twice: everything but its DaemonSet controller (the cluster's own), and
# that one alone (`stock`), to be stopped and started.
. "$(dirname "$0")/../harness.sh"

NODES=20
KCM=${XDG_CACHE_HOME:-$HOME/.cache}/moonset/kube-1.20.2/bin/kube-controller-manager

# ---- the two controllers ----

stock_up()
{
    background stock "$KCM" --kubeconfig "$KUBECONFIG" --leader-elect=false --port=0 \
        --secure-port=0 --controllers=daemonset --kube-api-qps=1000 --kube-api-burst=1000
    STOCK_PID=$LAST_PID
}

stock_down()
{
    kill "$STOCK_PID"
    wait "$STOCK_PID"
}

# ---- the sets ----

create_set() # NAME STRATEGY
{
    k create -f - >/dev/null <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: $1}
spec:
  minReadySeconds: 1
  selector: {matchLabels: {app: $1}}
  updateStrategy: $2
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{operator: Exists}]
      containers: [{name: c, image: "$1:v1", resources: {requests: {cpu: 100m, memory: 64Mi}}}]
YAML
}

set_image() # NAME IMAGE
{
    k set image "ds/$1" "c=$1:$2" >/dev/null
}

# Every pod of the set is ready, and so many of them are up to date.
settled() # NAME UPDATED
{
    is "$NODES $NODES $NODES $2 $NODES" ds_counts "$1"
}

images() # NAME: how many pods have which image
{
    k get pods -l "app=$1" -o jsonpath='{range .items[*]}{.spec.containers[0].image}{"\n"}{end}' |
        sort | uniq -c | awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }'
}

all_have() # NAME IMAGE
{
    is "$NODES $1:$2" images "$1" && settled "$1" "$NODES"
}

delete_pods_on() # NAME NODE…
{
    local set=$1 node
    shift
    for node in "$@"; do
        k get pods -l "app=$set" --field-selector "spec.nodeName=$node" -o name
    done | xargs "$KUBECTL" delete --wait=false >/dev/null
}

number_of() # NAME IMAGE: the revision with this template
{
    k get controllerrevisions -l "app=$1" -o json | jq --arg image "$1:$2" \
        '.items[] | select(.data.spec.template.spec.containers[0].image == $image).revision'
}

# ---- what must not change ----

# One line per pod: node, set, uid, and all of it that a controller could have changed.
pods()
{
    k get pods -o json | jq -r '.items[] | .metadata as $m |
        [.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
            .nodeSelectorTerms[0].matchFields[0].values[0],
         $m.labels.app, $m.uid, $m.labels["controller-revision-hash"],
         ($m | {name, labels, annotations, ownerReferences, generateName, finalizers} | tojson),
         (.status.containerStatuses[0].restartCount // 0)] | join("\t")' | sort
}

# The revisions as the server sends them, byte for byte: data, metadata, resourceVersion.
revisions()
{
    k get --raw /apis/apps/v1/namespaces/default/controllerrevisions | sed 's/.*"items"://'
}

# "SET NUMBER NAME UID CHECKSUM MAKER": the checksum is that of the raw bytes of `data`.
revision_table()
{
    local name raw
    for name in $(k get controllerrevisions -o jsonpath='{.items[*].metadata.name}'); do
        raw=$(k get --raw "/apis/apps/v1/namespaces/default/controllerrevisions/$name")
        printf '%s %s %s\n' \
            "$(jq -r '.metadata as $m | "\($m.labels.app) \(.revision) \($m.name) \($m.uid[0:8])"' <<<"$raw")" \
            "$(sed 's/.*,"data":\(.*\),"revision":[0-9]*}.*/\1/' <<<"$raw" | sha256sum | cut -c 1-12)" \
            "$(jq -r '.metadata.managedFields[0].manager' <<<"$raw")"
    done | sort -k 1,1 -k 2,2n
}

sets()
{
    k get ds -o json | jq -c '.items[] | [.metadata.name, .metadata.uid, .metadata.generation,
        .metadata.labels, .metadata.annotations, .spec, .status.collisionCount]'
}

snapshot() # WHEN
{
    local what
    for what in pods revisions revision_table sets; do
        "$what" >"$WORK/$what.$1"
    done
}

same() # WHAT [SET]: before and after, to the byte
{
    local set=${2:-.*}
    [ -s "$WORK/$1.before" ] && diff <(grep -- "$set" "$WORK/$1.before") <(grep -- "$set" "$WORK/$1.after")
}

# Pods of the roll that were up to date before are still there, as they were.
updated_stayed() # HASH
{
    local gone
    gone=$(grep -P "\troll\t[^\t]*\t$1\t" "$WORK/pods.before" | grep -vxFf "$WORK/pods.after")
    [ -z "$gone" ] || { echo "gone or changed: $gone"; return 1; }
}

# Every pod that the watch has ever shown, by uid.
pods_ever() # SET HASH
{
    jq -r --arg set "$1" --arg hash "$2" '.object.metadata | select(.labels.app == $set and
        .labels["controller-revision-hash"] == $hash) | .uid' "$WORK/watch.log" | sort -u | wc -l
}

hash_of() # SET IMAGE
{
    k get controllerrevisions -l "app=$1" -o json | jq -r --arg image "$1:$2" \
        '.items[] | select(.data.spec.template.spec.containers[0].image == $image)
            .metadata.labels["controller-revision-hash"]'
}

print_proof() # DIRECTION
{
    echo "# $1: uids of the pods, before and after ('=': the same)"
    printf '# %-6s%-22s%-22s%s\n' node hist ondelete roll
    awk -F '\t' '
        function cell(n, s, b, a) {
            b = substr(before[n, s], 1, 8)
            a = substr(after[n, s], 1, 8)
            return b == a ? b " =" : (b == "" ? "none    " : b) " > " a
        }
        FNR == NR { before[$1, $2] = $3; next }
        { after[$1, $2] = $3; nodes[$1] }
        END {
            for (n in nodes)
                printf "# %-6s%-22s%-22s%s\n", n, cell(n, "hist"), cell(n, "ondelete"), cell(n, "roll")
        }' "$WORK/pods.before" "$WORK/pods.after" | sort
    echo "# $1: ControllerRevisions, before and after ('=': the same)"
    printf '#   %-9s %s %-20s %-9s %-13s %s\n' set no. name uid 'data sha256' 'made by'
    diff --old-line-format='# - %L' --new-line-format='# + %L' --unchanged-line-format='# = %L' \
        <(columns "$WORK/revision_table.before") <(columns "$WORK/revision_table.after")
}

columns()
{
    awk '{ printf "%-9s %3s %-20s %-9s %-13s %s\n", $1, $2, $3, $4, $5, $6 }' "$1"
}

# ---- one direction ----

# Under the present controller: hist gets a revision, another, and goes back; ondelete has pods of
# three revisions; roll is on its way.
prepare() # DIRECTION OLD NEW NEWER
{
    set_image hist "$3"
    set_image ondelete "$3"
    eventually 60 "$1: hist runs its next revision" all_have hist "$3"
    delete_pods_on ondelete n01 n02 n03 n04 n05
    set_image hist "$4"
    eventually 60 "$1: hist runs the one after it" all_have hist "$4"
    eventually 60 "$1: deleted pods of OnDelete come back" settled ondelete 5
    set_image ondelete "$4"
    delete_pods_on ondelete n04 n05 n06 n07 n08
    k rollout undo ds/hist >/dev/null
    eventually 60 "$1: hist goes back" all_have hist "$3"
    eventually 60 "$1: OnDelete has pods of three revisions" is \
        "12 ondelete:$2, 3 ondelete:$3, 5 ondelete:$4" images ondelete
    eventually 60 "$1: and they are all ready" settled ondelete 5
    set_image roll "$3"
    eventually 60 "$1: the roll is on its way" has "roll:$3" images roll
    eventually 60 "$1: and some new pods serve" some_updated
}

some_updated()
{
    local counts
    read -r -a counts <<<"$(ds_counts roll)"
    [ "${counts[3]}" -ge 4 ] && [ "${counts[3]}" -lt 16 ]
}

nothing_ends()
{
    k get pods -o json | jq -e 'all(.items[]; .metadata.deletionTimestamp == null)'
}

# What has changed when the other controller has done its part.
prove() # DIRECTION NEW
{
    local updated hash
    hash=$(hash_of roll "$2")
    updated=$(grep -cP "\troll\t[^\t]*\t$hash\t" "$WORK/pods.before")
    check "$1: it was in the middle ($updated of $NODES)" test "$updated" -ge 4 -a "$updated" -lt "$NODES"
    check "$1: no pod of the set with history is touched" same pods hist
    check "$1: no pod of the OnDelete set is touched" same pods ondelete
    check "$1: no pod that the roll had replaced is touched" updated_stayed "$hash"
    check "$1: the roll makes one new pod a node, no more" is "$NODES" pods_ever roll "$hash"
    check "$1: no revision is made, none is written" same revisions
    check "$1: generation, annotations and spec of the sets stay" same sets
    print_proof "$1"
}

# `rollout undo`, and what only the new controller can have done.
cross() # DIRECTION NEWER
{
    local data
    data=$(awk '{ print $1, $3, $4, $5 }' "$WORK/revision_table.after" | sort)
    k rollout undo ds/hist --to-revision "$(number_of hist "$2")" >/dev/null
    eventually 60 "$1: rollout undo to a revision of the other controller" all_have hist "$2"
    check "$1: rollout status agrees" k rollout status ds/hist --timeout 10s
    revision_table >"$WORK/revision_table.undone"
    check "$1: the undo makes no revision" is "$data" \
        sh -c "awk '{ print \$1, \$3, \$4, \$5 }' '$WORK/revision_table.undone' | sort"
    check "$1: and gives that one the highest number" is "$(number_of hist "$2")" \
        sh -c "awk '\$1 == \"hist\" { print \$2 }' '$WORK/revision_table.undone' | tail -n 1"
    k delete pods -l app=ondelete --wait=false >/dev/null
    eventually 60 "$1: deleted pods of OnDelete come back with the newest template" \
        all_have ondelete "$2"
}

# ---- both at once, by mistake ----

led_for() # SECONDS
{
    [ $((SECONDS - MOONSET_SINCE)) -ge "$1" ]
}

said_of() # SET: how often an Event has said that somebody else writes it
{
    k get events --field-selector "reason=AnotherController,involvedObject.name=$1" \
        -o jsonpath='{.items[*].count}'
}

said_in_log() # SET
{
    grep -c "another controller is writing this set.* key=default/$1 " "$WORK/moonset.log"
}

pods_made() # by moonset, so far
{
    grep -c 'msg="created pod"' "$WORK/moonset.log"
}

makes_pods() # SINCE
{
    [ "$(pods_made)" -gt "$1" ]
}

# What the set that rolled has come to, and that the others have not suffered.
converged() # NAME IMAGE
{
    eventually 90 "$1: once one is stopped, the roll ends" all_have roll "$2"
    check "$1: its template has one revision" test "$(number_of roll "$2" | wc -l)" -eq 1
    snapshot after
    check "$1: no pod of the set with history is touched" same pods hist
    check "$1: no pod of the OnDelete set is touched" same pods ondelete
    echo "# $1: $(pods_ever roll "$(hash_of roll "$2")") pods were made for $NODES nodes"
}

# ---- the story ----

cluster_up
for i in $(seq -w "$NODES"); do
    printf '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n%s"}}\n' "$i"
done | k create -f - >/dev/null
stock_up
create_set hist '{rollingUpdate: {maxUnavailable: "100%"}}'
create_set ondelete '{type: OnDelete}'
create_set roll '{rollingUpdate: {maxUnavailable: 4}}'
background watch "$KUBECTL" get --raw '/api/v1/namespaces/default/pods?watch=1'
for set in hist ondelete roll; do
    eventually 60 "the stock controller runs $set" all_have "$set" v1
done

to=kcm-to-moonset
prepare $to v1 v2 v3
stock_down
eventually 30 "$to: the stock controller is gone, its last pods too" nothing_ends
snapshot before
moonset_up
MOONSET_SINCE=$SECONDS
eventually 90 "$to: the roll goes on and ends" all_have roll v2
eventually 30 "$to: status of the others stands" settled hist "$NODES"
snapshot after
prove $to v2
cross $to v3

to=both-at-once-then-moonset
eventually 70 "$to: moonset has led for a minute" led_for 61
snapshot before
stock_up
set_image roll v4
eventually 60 "$to: an Event says so" is 1 said_of roll
check "$to: and the log" is 1 said_in_log roll
echo "# $(k get events --field-selector reason=AnotherController --no-headers)"
echo "# $(grep 'another controller' "$WORK/moonset.log")"
eventually 60 "$to: both roll" some_updated
stock_down
converged $to v4
check "$to: it was said once, for the set that was written" is "1  " \
    echo "$(said_of roll) $(said_of hist) $(said_of ondelete)"

to=moonset-to-kcm
prepare $to v3 v5 v6
moonset_down
eventually 30 "$to: moonset is gone, its last pods too" nothing_ends
snapshot before
stock_up
eventually 90 "$to: the roll goes on and ends" all_have roll v5
eventually 30 "$to: status of the others stands" settled hist "$NODES"
snapshot after
prove $to v5
cross $to v6

to=both-at-once-then-kcm
snapshot before
set_image roll v7
eventually 60 "$to: the stock controller rolls" some_updated
made=$(pods_made)
moonset_up
eventually 60 "$to: moonset, too" makes_pods "$made"
moonset_down
converged $to v7
finish
