# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A policy updates pods in place: when only images differ the pods stay, and their containers restart
# with the new image, within the budget.
# shellcheck disable=SC2034 # the harness reads it
PLAYER_FLAGS=(--ready-delay 1s)
. "$(dirname "$0")/../harness.sh"

names()
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' | sort | tr '\n' ' '
}

images() # what their kubelets have started
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.status.containerStatuses[0].image}{"\n"}{end}' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

restarts()
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.status.containerStatuses[0].restartCount}{"\n"}{end}' | sort | uniq -c | awk '{print $2 "x" $1}' | tr '\n' ' ' | sed 's/ $//'
}

events()
{
    k get events --field-selector involvedObject.name=agent -o 'jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}'
}

# The most pods that were not available at a time since the file was begun.
most_unavailable()
{
    sort -n "$WORK/unavailable" | tail -1
}

watch_unavailable()
{
    k get ds agent -w -o 'jsonpath={.status.numberUnavailable}{"\n"}' | while read -r n; do
        echo "${n:-0}" >>"$WORK/unavailable"
    done
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/in-place.lua" <<'LUA'
-- New images in place where that is all that has changed, new pods otherwise.
return {
  api = 1,
  update = function(roll, set)
    for pod in roll:outdated { wanted = true, available = false } do
      if not roll:patch_image(pod, "in place") then
        roll:replace(pod, "more than images has changed")
      end
    end
    for pod in roll:outdated { wanted = true, available = true, limit = roll.left } do
      if not roll:patch_image(pod, "in place") then
        roll:replace(pod, "more than images has changed")
      end
    end
  end,
}
LUA

cluster_up n1 n2 n3 n4
moonset_up --policy-dir "$policies"
create_agent
k annotate ds agent moonset.dev/policies=in-place >/dev/null
eventually 60 "four pods" is "4 4 4 4 4" ds_counts agent
before=$(names)
check "no restarts" is "0x4" restarts

background watch watch_unavailable
k set image ds/agent c=agent:v2 >/dev/null
eventually 60 "all run the new image" is agent:v2 images
eventually 30 "and are available" is "4 4 4 4 4" ds_counts agent
check "they are the same pods" is "$before" names
check "restarted once" is "1x4" restarts
check "never more than one at a time" is 1 most_unavailable
check "an Event says so" has "UpdatedInPlace" events
check "no pod was deleted" lacks SuccessfulDelete events
check "kubectl agrees" k rollout status ds/agent --timeout=10s
hash=$(k get pods -l app=agent -o 'jsonpath={.items[0].metadata.labels.controller-revision-hash}')
check "their hash is that of the new revision" k get controllerrevision "agent-$hash"

k set env ds/agent A=b >/dev/null
eventually 60 "something else has changed: new pods" is "0x4" restarts
eventually 30 "of the new template" is "4 4 4 4 4" ds_counts agent
check "not the same ones" lacks "$before" names

before=$(names)
k set image ds/agent c=agent:broken >/dev/null
eventually 30 "an image that is not there" has ErrImagePull k get pods -l app=agent -o 'jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}'
moonset_down
moonset_up --policy-dir "$policies"
sleep 3
check "stops at one, also after a restart" is "agent:broken agent:v2" images
check "explain says what is wrong" has "new images in place" "$MOONSET" explain --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" default/agent
k set image ds/agent c=agent:v3 >/dev/null
eventually 60 "mended in place" is agent:v3 images
eventually 30 "all are available" is "4 4 4 4 4" ds_counts agent
check "still the same pods" is "$before" names
check "nobody took it for another controller" lacks AnotherController events
moonset_down
check "moonset ended well" test $? -eq 0
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
