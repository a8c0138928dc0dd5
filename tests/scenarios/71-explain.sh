# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# `moonset explain` tells why there is a daemon or none, why it is (not) updated, what the budget is
# spent on and which gate is closed.
. "$(dirname "$0")/../harness.sh"

explain()
{
    "$MOONSET" explain --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" "$@"
}

# says NAME TEXT [NODE]: the line NAME of the explanation contains TEXT.
says()
{
    local name=$1 text=$2 got
    shift 2
    got=$(explain default/agent "$@" -o json | jq -r --arg name "$name" '.[$name] | if type == "array" then .[] else . end')
    case $got in *"$text"*) ;; *) echo "want …$text… in $name:"; echo "$got"; return 1 ;; esac
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/workers.lua" <<'LUA'
return {
  api = 1,
  select = function(node)
    return node.labels.role ~= "master", "workers only"
  end,
  gate = function(roll, set)
    return set.annotations.frozen ~= "yes", "frozen", 600
  end,
}
LUA

cluster_up n1 n2 n3
add_node m1 role=master
add_node t1
k taint node t1 dedicated=db:NoSchedule >/dev/null
moonset_up --policy-dir "$policies"
create_agent
k annotate ds agent moonset.dev/policies=workers >/dev/null
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
check "how many nodes" says nodes "3 to run it, 2 not, 0 not decided"
check "which policies" says policies "workers@"
check "with which hooks" says policies ": select, gate"
check "the stock ones, too" says policies "update/rolling@"
check "nothing to do" says "next step" "nothing"
check "why there is none: a policy" says decision "evict: workers only (policy workers)" m1
check "why there is none: a taint" says decision "dedicated" t1
check "why there is one" says decision "run" n1
check "its pod" says pods "up to date; available" n1
check "is up to date" says update "up to date" n1

k annotate ds agent frozen=yes >/dev/null
k set image ds/agent c=agent:v2 >/dev/null
eventually 20 "the gate holds the update" has UpdateHeld k get events --field-selector involvedObject.name=agent
check "who holds it" says held "by policy workers: frozen"
check "and on the node" says update "held by policy workers: frozen" n1
check "its pod is outdated" says pods "outdated; available" n2
moonset_down

k annotate ds agent frozen- >/dev/null
check "what is next" says "next step" "delete pod/agent-"
check "on the first node" says "next step" "outdated" n1
check "the budget" says update "1 of 3 may be unavailable and 0 are"
k delete pod -l app=agent --field-selector spec.nodeName=n2 --wait=true >/dev/null
check "who has used it up" says "not available" "n2: no pod"
check "so another node waits" says update "waits: 1 of 3 nodes may be unavailable, and 1 are" n3

explain default/agent n3 >"$WORK/text"
check "in plain words" grep -qE '^decision +run' "$WORK/text"
check "a set that is not there" has "there is no set default/nobody" explain default/nobody
check "a node that is not there" has "there is no node n9" explain default/agent n9
check "are errors" status_is 1 explain default/agent n9
check "no set at all" status_is 2 explain
check "too many words" status_is 2 explain default/agent n1 n2
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
