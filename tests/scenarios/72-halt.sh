# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A policy pauses an update, and takes one back; both are written into the set, survive a restart,
# and can be lifted with kubectl.
. "$(dirname "$0")/../harness.sh"

annotation() # KEY
{
    k get ds agent -o json | jq -r --arg key "$1" '.metadata.annotations[$key] // ""'
}

image()
{
    k get ds agent -o 'jsonpath={.spec.template.spec.containers[0].image}'
}

images() # of the pods, sorted
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort | tr '\n' ' ' | sed 's/ $//'
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/canary.lua" <<'LUA'
-- One pod; what then depends on the image.
return {
  api = 1,
  params = { after = { type = "string", default = "pause" } },
  update = function(roll, set)
    if roll.counts.updated == 0 or roll.rolled_back then
      for pod in roll:outdated { limit = 1 } do
        roll:replace(pod, "the canary")
      end
    elseif set.params.after == "pause" then
      roll:pause("look at the canary")
    elseif set.params.after == "back" then
      roll:rollback("the canary is dead")
    end
  end,
}
LUA

cluster_up n1 n2 n3
moonset_up --policy-dir "$policies"
create_agent
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
k annotate ds agent moonset.dev/policies=canary >/dev/null
k set image ds/agent c=agent:v2 >/dev/null
eventually 30 "paused after the canary" has "look at the canary" annotation moonset.dev/paused
check "one pod is new" is "agent agent agent:v2" images
eventually 10 "an Event says so" has "UpdatePaused" k get events --field-selector involvedObject.name=agent
moonset_down
moonset_up --policy-dir "$policies"
eventually 20 "a new process waits, too" has "UpdateHeld" k get events --field-selector involvedObject.name=agent
check "explain says why" has "look at the canary" "$MOONSET" explain --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" default/agent
check "still one" is "agent agent agent:v2" images
k annotate ds agent moonset.dev/policies- moonset.dev/paused- >/dev/null
eventually 60 "lifted: it goes on" is "agent:v2 agent:v2 agent:v2" images

k annotate ds agent moonset.dev/policies=canary 'moonset.dev/params={after: back}' >/dev/null
eventually 30 "all are there" is "3 3 3 3 3" ds_counts agent
k set image ds/agent c=agent:v3 >/dev/null
eventually 60 "taken back" is "agent:v2" image
check "the set says why" has "the canary is dead" annotation moonset.dev/rolled-back
eventually 60 "also on the canary's node" is "agent:v2 agent:v2 agent:v2" images
eventually 10 "an Event says so" has "UpdateRolledBack" k get events --field-selector involvedObject.name=agent
eventually 60 "kubectl agrees" k rollout status ds/agent --timeout=1s

k annotate ds agent moonset.dev/policies- moonset.dev/params- moonset.dev/paused=true >/dev/null
k set image ds/agent c=agent:v4 >/dev/null
eventually 20 "a person's pause holds" has "annotation moonset.dev/paused" k get events --field-selector involvedObject.name=agent
check "no pod is new" is "agent:v2 agent:v2 agent:v2" images
k annotate ds agent moonset.dev/paused- >/dev/null
eventually 60 "until it is lifted" is "agent:v4 agent:v4 agent:v4" images
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
