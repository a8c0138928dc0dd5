-- SPDX-License-Identifier: Apache-2.0
-- A second pod beside the old one needs room. Nodes under pressure, small ones and those of a selector
-- are not surged: their pods are replaced, as far as maxUnavailable allows that, too.
-- Parameters:
--   memory  a node with less allocatable memory has no room
--   never   nodes that are never surged (a selector of node labels)
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
  },

  update = function(roll, set)
    for pod in roll:outdated { paired = true } do
      if pod.partner.available then
        roll:delete(pod, "its successor is available")
      end
    end
    for pod in roll:outdated { wanted = true, paired = false } do
      if roll.max_surge > 0 and pod.node and has_room(pod.node, set.params) then
        roll:surge(pod.node, "outdated, and there is room")
      elseif not pod.available or roll.left > 0 then
        roll:replace(pod, "outdated, and no room for two")
      end
    end
  end,
}
