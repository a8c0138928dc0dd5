# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# kubectl and the revisions of a set: rollout status, history, undo, restart, pause; what changes a
# template and what does not; diff; apply --prune; and the history of a set that was orphaned and
# made again. Deletion and drain are in 11-kubectl.sh.
. "$(dirname "$0")/../harness.sh"

# manifest [IMAGE [NAME]]
manifest()
{
    cat <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ${2:-agent}
  labels: {group: pruned}
  annotations: {kubernetes.io/change-cause: "image ${1:-agent:1}"}
spec:
  updateStrategy: {rollingUpdate: {maxUnavailable: 3}}
  selector: {matchLabels: {app: ${2:-agent}}}
  template:
    metadata: {labels: {app: ${2:-agent}}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: "${1:-agent:1}"}]}
YAML
}

apply() # [IMAGE [NAME]]
{
    manifest "$@" | k apply -f -
}

diff_of() # [IMAGE]
{
    manifest "$@" | k diff -f -
}

fails() # TEXT COMMAND…: it ends non-zero and says so
{
    local text=$1 out
    shift
    if out=$("$@" 2>&1); then
        echo "succeeded: $out"
        return 1
    fi
    has "$text" echo "$out"
}

rolled_out() # [NAME]
{
    timeout 60 "$KUBECTL" rollout status "ds/${1:-agent}"
}

field() # JSONPATH of the set
{
    k get ds agent -o "jsonpath={$1}"
}

of_pods() # JSONPATH: its values over all pods, each once
{
    k get pods -l app=agent -o "jsonpath={range .items[*]}{$1}{\"\\n\"}{end}" | sort -u | paste -sd ' '
}

pod_uids()
{
    of_pods .metadata.uid
}

# Revision numbers and their change causes, "1=image agent:1 2=…".
history()
{
    k rollout history ds/agent | sed -n 's/^\([0-9][0-9]*\)  */\1=/p' | paste -sd ' '
}

revision_uids()
{
    k get controllerrevisions -l app=agent -o 'jsonpath={range .items[*]}{.metadata.uid}{"\n"}{end}' |
        sort | paste -sd ' '
}

# changes WHAT COMMAND…: a new revision, which all pods come to run.
changes()
{
    local what=$1 before after
    shift
    before=$(revision_uids | wc -w)
    check "$what" "$@"
    check "$what: rolled out" rolled_out
    after=$(revision_uids | wc -w)
    check "$what: one revision more" test "$after" -eq $((before + 1))
}

cluster_up n1 n2 n3
apply >/dev/null
check "history of a set nobody has looked at" has "No rollout history found" k rollout history ds/agent
moonset_up
check "rollout status waits until the set is there" rolled_out
check "rollout history shows the change cause" is "1=image agent:1" history
check "undo with one revision only" fails "no last revision to roll back to" k rollout undo ds/agent

# ---- diff ----
check "diff sees nothing of ours" is "" diff_of agent:1
check "diff shows a change" fails "+      - image: agent:2" diff_of agent:2
check "and changes nothing" is 1 field .metadata.generation

# ---- history, undo ----
changes "apply of another image" apply agent:2
check "the older revision keeps its cause" is "1=image agent:1 2=image agent:2" history
check "history --revision=1 prints its template" has "agent:1" k rollout history ds/agent --revision=1
check "history --revision=2 prints its template" has "agent:2" k rollout history ds/agent --revision=2
check "history of a revision that is not there" fails "unable to find the specified revision" \
    k rollout history ds/agent --revision=9
revisions=$(revision_uids)
check "undo" has "rolled back" k rollout undo ds/agent
check "undo: rolled out" rolled_out
check "undo: every pod runs the old image" is agent:1 of_pods '.spec.containers[0].image'
check "undo: the old revision is now the newest" is "2 3" \
    sh -c "$KUBECTL rollout history ds/agent | sed -n 's/^\([0-9][0-9]*\) .*/\1/p' | paste -sd ' '"
check "undo: no revision was made" is "$revisions" revision_uids
before=$(pod_uids)
check "undo to the revision that is current" has \
    "skipped rollback (current template already matches revision 3)" \
    k rollout undo ds/agent --to-revision=3
check "which replaces no pod" is "$before" pod_uids
check "undo to a revision that is not there" fails "unable to find specified revision" \
    k rollout undo ds/agent --to-revision=9
check "undo --to-revision=2" has "rolled back" k rollout undo ds/agent --to-revision=2
check "undo --to-revision=2: rolled out" rolled_out
check "undo --to-revision=2: every pod runs it" is agent:2 of_pods '.spec.containers[0].image'
check "undo --to-revision=2: no revision was made" is "$revisions" revision_uids

# ---- restart, pause ----
before=$(pod_uids)
generation=$(field .metadata.generation)
changes "restart" k rollout restart ds/agent
check "restart: pods carry the time" has "20" of_pods '.metadata.annotations.kubectl\.kubernetes\.io/restartedAt'
check "restart: one generation more" is $((generation + 1)) field .metadata.generation
check "restart: every pod is another one" sh -c "! echo '$(pod_uids)' | grep -qE '$(echo "$before" | tr ' ' '|')'"
check "pause is refused" fails "pausing is not supported" k rollout pause ds/agent
check "resume is refused" fails "resuming is not supported" k rollout resume ds/agent

# ---- what makes a revision, and what does not ----
changes "set image" k set image ds/agent c=agent:3
changes "set env" k set env ds/agent WHERE=here
check "set env: pods have it" is here of_pods '.spec.containers[0].env[0].value'
changes "set resources" k set resources ds/agent --limits=memory=64Mi
check "set resources: pods have it" is 64Mi of_pods '.spec.containers[0].resources.limits.memory'
changes "patch" k patch ds agent -p '{"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}}'
changes "edit" env KUBE_EDITOR="sed -i s/agent:3/agent:4/" "$KUBECTL" edit ds agent
before=$(pod_uids)
revisions=$(revision_uids)
generation=$(field .metadata.generation)
check "a label of the set" k label ds agent by=hand
check "another budget" k patch ds agent --type merge \
    -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":2}}}}'
eventually 20 "is observed" is $((generation + 1)) field .status.observedGeneration
check "and makes no revision" is "$revisions" revision_uids
check "and replaces no pod" is "$before" pod_uids

# ---- rollout status that cannot end well ----
k patch ds agent --type merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":1}}}}' >/dev/null
k set image ds/agent c=agent:broken >/dev/null
eventually 20 "a broken image stops at the first node" has \
    "Waiting for daemon set \"agent\" rollout to finish: 1 out of 3 new pods have been updated..." \
    k rollout status ds/agent --watch=false
check "the other pods still serve" is "3 3 2 1 2" ds_counts agent
check "rollout status does not end then" fails "" timeout 2 "$KUBECTL" rollout status ds/agent
check "undo of a broken roll" has "rolled back" k rollout undo ds/agent
check "undo of a broken roll: rolled out" rolled_out
k set image ds/agent c=agent:5 >/dev/null
check "and the next image" rolled_out
k patch ds agent --type merge -p '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}' >/dev/null
check "rollout status is for RollingUpdate only" fails \
    "rollout status is only available for RollingUpdate strategy type" k rollout status ds/agent
k patch ds agent --type merge \
    -p '{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":3}}}}' >/dev/null

# ---- describe, get ----
eventually 20 "describe counts nodes and pods" has "Pods Status:  3 Running / 0 Waiting / 0 Succeeded / 0 Failed" \
    k describe ds agent
check "describe: desired" has "Desired Number of Nodes Scheduled: 3" k describe ds agent
check "describe: up to date" has "Number of Nodes Scheduled with Up-to-date Pods: 3" k describe ds agent
check "describe: available" has "Number of Nodes Scheduled with Available Pods: 3" k describe ds agent
check "describe: misscheduled" has "Number of Nodes Misscheduled: 0" k describe ds agent

# ---- orphaned with its history, and made again ----
revisions=$(revision_uids)
before=$(pod_uids)
k get ds agent -o json | jq 'del(.metadata.uid, .metadata.resourceVersion, .metadata.generation, .status)' \
    >"$WORK/agent.json"
numbers=$(history)
check "delete --cascade=orphan" timeout 60 "$KUBECTL" delete ds agent --cascade=orphan
check "made again" k create -f "$WORK/agent.json"
check "made again: rolled out" rolled_out
check "made again: the pods stay" is "$before" pod_uids
eventually 20 "made again: the revisions are adopted" is "$numbers" history
check "made again: the same ones" is "$revisions" revision_uids
check "undo works across it" has "rolled back" k rollout undo ds/agent
check "undo across it: rolled out" rolled_out
check "undo across it: every pod runs the old image" is agent:4 of_pods '.spec.containers[0].image'

# ---- apply --prune ----
manifest other:1 other | sed '/annotations:/d' | k apply -f - >/dev/null
check "a second set" rolled_out other
check "history of a set without a change cause" has "<none>" k rollout history ds/other
before=$(pod_uids)
allow=--prune-allowlist
k apply --help | grep -q -- "$allow" || allow=--prune-whitelist
check "apply --prune deletes the set that is no longer there" has "daemonset.apps/other pruned" \
    sh -c "$KUBECTL get ds agent -o yaml | $KUBECTL apply --prune -l group=pruned $allow=apps/v1/DaemonSet -f -"
eventually 30 "its pods are collected" is "" k get pods,controllerrevisions -l app=other -o name
check "the other set's pods stay" is "$before" pod_uids

# ---- the namespace of a set goes ----
k create namespace doomed >/dev/null
manifest | k -n doomed apply -f - >/dev/null
check "a set in another namespace" timeout 60 "$KUBECTL" -n doomed rollout status ds/agent
check "its namespace is deleted" timeout 90 "$KUBECTL" delete namespace doomed
eventually 30 "with all that was in it" is "" k -n doomed get ds,pods,controllerrevisions,events -o name --ignore-not-found
check "and nothing was tried there in vain" sh -c "! grep -E 'level=(warn|error).*doomed/agent' '$WORK/moonset.log'"

check "no error in the log" sh -c "! grep -E 'level=error|AddressSanitizer|runtime error' '$WORK'/*.log"
moonset_down
check "moonset ended well" test $? -eq 0
finish
