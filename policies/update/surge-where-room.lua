-- SPDX-License-Identifier: Apache-2.0
-- A second pod beside the old one needs room. Nodes under pressure, small ones and those of a selector
-- are not surged: their pods are replaced, a few at a time. A set with maxSurge has no maxUnavailable
-- that would say how many, so `replaced` does, and the set must say moonset.dev/budget-owner: policy;
-- without both they keep their old pods.
-- Parameters:
--   memory    a node with less allocatable memory has no room
--   never     nodes that are never surged (a selector of node labels)
--   replaced  so many nodes may be without an available pod for it
local pressures = { "MemoryPressure", "DiskPressure", "PIDPressure" }

local function has_room(node, params)
  for _, name in ipairs(pressures) do
    local condition = node.conditions[name]
    if condition and condition.status == "True" then
      return false
    end
  end
  local memory = node.allocatable.memory
  return (not memory or memory >= moonset.quantity(params.memory))
    and (params.never == nil or not moonset.selector(params.never):matches(node))
end

return {
  api = 1,
  name = "update/surge-where-room",
  params = {
    memory = { type = "string", default = "2Gi", doc = "allocatable memory that is room" },
    never = { type = "selector", doc = "nodes that are never surged" },
    replaced = { type = "intstr", default = 0, doc = "nodes that may be without for it" },
  },

  update = function(roll, set)
    for pod in roll:outdated { paired = true } do
      if pod.partner.available then
        roll:delete(pod, "its successor is available")
      end
    end
    local left = roll.left
    if roll.max_surge > 0 then
      left = moonset.intstr(set.params.replaced, roll.desired, "up") - roll.unavailable
    end
    for pod in roll:outdated { wanted = true, paired = false } do
      if roll.max_surge > 0 and pod.node and has_room(pod.node, set.params) then
        roll:surge(pod.node, "outdated, and there is room")
      elseif not pod.available then
        roll:replace(pod, "outdated, and not available anyway")
      elseif left > 0 then
        left = left - 1
        roll:replace(pod, "outdated, and no room for two")
      end
    end
  end,
}
