# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: cluster
#
# Least rights, both ways: moonset lives through all that it has verbs for, under the role of
# examples/addon, and the API server notes what it was asked. Nothing was refused, so no verb is
# missing; and each verb of the role was used, so none is there for nothing. One is used by an
# admission plugin instead (blockOwnerDeletion), which is therefore switched on.
. "$(dirname "$0")/../harness.sh"

CLUSTER_FLAGS=(--audit-policy "$WORK/audit.json" --admission OwnerReferencesPermissionEnforcement)
echo '{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}]}' >"$WORK/audit.json"

readonly RIGHTS='.rules[] | .apiGroups[] as $g | .resources[] as $r | .verbs[] | "\(.) \($g)/\($r)"'

# What the role allows, one "verb group/resource" a line.
allowed()
{
    {
        k get clusterrole moonset -o json
        k -n kube-system get role moonset-leader-election -o json
        k -n kube-system get role moonset-policies -o json
    } | jq -r "$RIGHTS" | sort -u
}

# asked [FILTER]: what the server was asked by moonset, in the same words.
asked()
{
    jq -r 'select(.user.username == "moonset" and .objectRef.resource) | select('"${1:-true}"')
        | .objectRef as $o | "\(.verb) \($o.apiGroup // "")/\($o.resource)"
            + if $o.subresource then "/" + $o.subresource else "" end' "$CLUSTER_DIR/audit.log" | sort -u
}

# used VERB RESOURCE: the server was asked for that.
used()
{
    asked | grep -qx "$1 $2"
}

unused()
{
    comm -23 <(allowed) <(asked)
}

not_allowed()
{
    comm -13 <(allowed) <(asked)
}

agent() # [IMAGE]
{
    k apply -f - >/dev/null <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  revisionHistoryLimit: 1
  updateStrategy: {rollingUpdate: {maxUnavailable: 3}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: "${1:-agent:1}"}]}
YAML
}

rolled() # IMAGE
{
    agent "$1"
    timeout 60 "$KUBECTL" rollout status ds/agent
}

pod()
{
    k get pods -l app=agent -o 'jsonpath={.items[0].metadata.name}'
}

revisions()
{
    k get controllerrevisions -l app=agent -o name
}

owners() # KIND
{
    k get "$1" -l app=agent -o 'jsonpath={.items[*].metadata.ownerReferences[*].name}'
}

# finalizers_right VERB…: the verbs of daemonsets/finalizers are these from now on.
finalizers_right()
{
    k get clusterrole moonset -o json |
        jq --arg verbs "$*" '(.rules[] | select(.resources == ["daemonsets/finalizers"]) | .verbs) |= ($verbs | split(" "))' |
        k replace -f - >/dev/null
}

may_block() # yes|no
{
    is "$1" k auth can-i update daemonsets/finalizers.apps --as moonset
}

failures_are_one()
{
    k get events --field-selector reason=FailedCreate -o json |
        jq -e '.items | length == 1 and .[0].count > 2'
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/wary.lua" <<'LUA'
return {
  api = 1,
  update = function(roll)
    roll:pause("seen enough")
  end,
}
LUA

cluster_up n1 n2 n3
moonset_up --leader-elect=true --orphan-interval 2s --policy-dir "$policies"
agent
eventually 30 "pods are created, a revision, status, Events" is "3 3 3 3 3" ds_counts agent
check "a roll" rolled agent:2
check "and back: a revision is renumbered" rolled agent:1
check "another one: an old revision goes" rolled agent:3
k annotate ds agent moonset.dev/policies=wary >/dev/null
agent agent:4
eventually 20 "a policy pauses an update" has "seen enough" k get ds agent -o 'jsonpath={.metadata.annotations}'
k -n kube-system create configmap mine --from-file=wary.lua="$policies/wary.lua" >/dev/null
k -n kube-system label configmap mine moonset.dev/policies=true >/dev/null
eventually 20 "a ConfigMap with a policy is read" grep -q "instead-of=$policies/wary.lua" "$WORK/moonset.log"
eventually 20 "what decides is kept" used create /configmaps
another=$(jq -n --rawfile text "$policies/wary.lua" '{data: {"wary.lua": ($text + "-- another version\n")}}')
k -n kube-system patch configmap mine -p "$another" >/dev/null
eventually 20 "what is kept follows" used patch /configmaps
k -n kube-system label configmap mine moonset.dev/policies- >/dev/null
eventually 20 "and it is asked for when its label is gone" used get /configmaps
k annotate ds agent moonset.dev/policies- moonset.dev/paused- >/dev/null
check "it goes on" rolled agent:3
eventually 20 "a revision is deleted" used delete apps/controllerrevisions
check "a pod loses its label" k label pod "$(pod)" controller-revision-hash-
eventually 20 "and is asked for by name" used get /pods
check "orphaned" timeout 60 "$KUBECTL" delete ds agent --cascade=orphan
eventually 20 "nobody owns the pods" is "" owners pods
eventually 20 "nor the revisions" is "" owners controllerrevisions
agent agent:3
eventually 30 "adopted" is "agent agent agent" owners pods
check "after a live look at the set" used get apps/daemonsets
name=$(revisions | head -n 1)
revision=$(k get "$name" -o json)
check "deleted" timeout 60 "$KUBECTL" delete ds agent --cascade=foreground
eventually 30 "with its revisions" is "" revisions
jq 'del(.metadata.ownerReferences, .metadata.uid, .metadata.resourceVersion, .metadata.labels) | .data = {"spec": {}}' \
    <<<"$revision" | k create -f - >/dev/null
agent "$(jq -r '.data.spec.template.spec.containers[0].image' <<<"$revision")"
eventually 30 "a revision whose name is taken" is "3 3 3 3 3" ds_counts agent
check "is looked at" used get apps/controllerrevisions

check "nothing was refused for want of a right" is "" asked '.responseStatus.code == 403'
check "nothing beside the role was asked" is "" not_allowed
check "each verb of the role was used, but the one for admission" is "update apps/daemonsets/finalizers" unused

finalizers_right get
eventually 20 "without that one" may_block no
check "a pod is deleted" k delete pod "$(pod)"
eventually 20 "its successor is refused: it may not block the set's deletion" grep -q \
    "cannot set blockOwnerDeletion" "$WORK/moonset.log"
eventually 20 "the set's Events say so" has "Error creating: pods \"agent-\" is forbidden: cannot set" \
    k describe ds agent
eventually 20 "one Event, counted up" failures_are_one
finalizers_right update
eventually 60 "with it all is well" is "3 3 3 3 3" ds_counts agent
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
asked | sed 's/^/# asked: /'
finish
