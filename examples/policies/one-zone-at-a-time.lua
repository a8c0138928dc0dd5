-- SPDX-License-Identifier: Apache-2.0
-- A rolling update that finishes one zone before it begins the next, zones in order of their names.
-- maxUnavailable of the set is the budget inside the zone. No parameters.
return {
  api = 1,
  name = "one-zone-at-a-time",
  update = function(roll)
    if roll.max_surge > 0 then
      error("one-zone-at-a-time is for maxUnavailable, not for maxSurge", 0)
    end
    local first
    local function look(node)
      local zone = node and node.zone or ""
      if not first or zone < first then
        first = zone
      end
    end
    for pod in roll:outdated { wanted = true } do
      look(pod.node)
    end
    -- A zone is finished when its new pods serve.
    for node in roll:deleting {} do
      look(node)
    end
    for pod in roll:updated { available = false } do
      look(pod.node)
    end
    local left = roll.left
    for pod in roll:outdated { wanted = true, paired = false } do
      if (pod.node and pod.node.zone or "") == first then
        if not pod.available then
          roll:replace(pod, "outdated, and not available anyway")
        elseif left > 0 then
          left = left - 1
          roll:replace(pod, "its zone's turn: " .. (first ~= "" and first or "no zone"))
        end
      end
    end
  end,
}
