# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What goes into pods and revisions is what the server holds, to the byte: numbers a double cannot
# keep, text that must be escaped, members nobody knows. And a set that was orphaned and made again
# tells its predecessor's pods from its own.
. "$(dirname "$0")/../harness.sh"

REVISIONS=/apis/apps/v1/namespaces/default/controllerrevisions

# The data of a revision, as the server sends it.
data_of()
{
    k get --raw "$REVISIONS/$1" | grep -o '"data":.*,"revision"'
}

# The one revision with this number.
revision_of()
{
    k get controllerrevisions -l app=odd -o jsonpath="{.items[?(@.revision==$1)].metadata.name}"
}

annotation_of()
{
    k get "$@" -o jsonpath='{.metadata.annotations.odd}'
}

uids()
{
    k get pods -l app=odd -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}' | sort | tr '\n' ' '
}

# Creation times are whole seconds: what is made now is younger than every pod.
past_the_pods()
{
    [ "$(date -u +%FT%TZ)" \> "$(k get pods -l app=odd -o jsonpath='{.items[*].metadata.creationTimestamp}' | tr ' ' '\n' | sort | tail -n 1)" ]
}

# set_with IMAGE: a set full of what is easily lost. (No \b in the template: releases of Go differ on it.)
set_with()
{
    cat <<JSON
{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"odd","annotations":{
  "odd":"<a href=\"x\">&\u2028\u0007\b\f\té😀</a>"}},
 "spec":{"selector":{"matchLabels":{"app":"odd"}},"template":{
  "metadata":{"labels":{"app":"odd"},"annotations":{"odd":"<&>\u2029\u001f\\\\\""}},
  "spec":{"tolerations":[{"key":"k","operator":"Exists","effect":"NoExecute","tolerationSeconds":9007199254740993}],
   "containers":[{"name":"c","image":"$1","env":[{"name":"E","value":"\u2028<tab\t&>\u007f"}]}]}}}}
JSON
}

cluster_up n1 n2
moonset_up
set_with one | k create -f - >/dev/null
eventually 30 "two pods" is "2 2 2 2 2" ds_counts odd
first=$(revision_of 1)
before=$(data_of "$first")
pod=$(k get pods -l app=odd -o jsonpath='{.items[0].metadata.name}')
check "the pod has the number exactly" has '"tolerationSeconds":9007199254740993' k get --raw "/api/v1/namespaces/default/pods/$pod"
check "so has the revision" has '"tolerationSeconds":9007199254740993' echo "$before"
check "the pod has the template's annotation" is "$(k get ds odd -o jsonpath='{.spec.template.metadata.annotations.odd}')" annotation_of pod "$pod"
check "the revision has the set's" is "$(annotation_of ds odd)" annotation_of controllerrevision "$first"
check "kubectl encodes the template to the same bytes" has "current template already matches revision 1" \
    k rollout undo ds/odd --to-revision=1

check "a new template" k set image ds/odd c=two
eventually 30 "is rolled out" is "2 2 2 2 2" ds_counts odd
check "and undone" k rollout undo ds/odd
eventually 30 "the revision has a new number" is "$first" revision_of 3
check "and its data as it was" is "$before" data_of "$first"
eventually 30 "its pods are back" is "2 2 2 2 2" ds_counts odd

k create -f - >/dev/null <<'JSON'
{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"stranger","labels":{"app":"odd"}},"revision":2,
 "data":{"unknown":[9007199254740993,1.10,1E+2,null],"\u003c":{"z":"\u0000","a":{}}}}
JSON
stranger=$(data_of stranger)
eventually 20 "an orphan revision is adopted" is odd \
    k get controllerrevision stranger -o jsonpath='{.metadata.ownerReferences[*].name}'
eventually 20 "and labelled" is stranger \
    k get controllerrevision stranger -o jsonpath='{.metadata.labels.controller-revision-hash}'
check "its data stays as it was" is "$stranger" data_of stranger

check "the set goes, what it owned stays" k delete ds odd --cascade=orphan
eventually 20 "orphaned" is "" k get pods -l app=odd -o jsonpath='{.items[*].metadata.ownerReferences[*].name}'
pods=$(uids)
eventually 5 "a second passes" past_the_pods
set_with one | k create -f - >/dev/null
eventually 30 "made again as it was" is "2 2 2 2 2" ds_counts odd
check "its pods run on" is "$pods" uids
check "its revision is the old one" is "$before" data_of "$first"

k delete ds odd --cascade=orphan >/dev/null
eventually 20 "orphaned once more" is "" k get pods -l app=odd -o jsonpath='{.items[*].metadata.ownerReferences[*].name}'
eventually 5 "a second passes" past_the_pods
set_with three | k create -f - >/dev/null
eventually 30 "made again with another template: every pod is replaced, though their generation is the same" \
    is "three three" k get pods -l app=odd -o 'jsonpath={.items[*].spec.containers[0].image}'
eventually 20 "and all count" is "2 2 2 2 2" ds_counts odd
moonset_down
check "moonset ended well" test $? -eq 0
finish
