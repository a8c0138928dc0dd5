-- SPDX-License-Identifier: Apache-2.0
-- Resources as a share of the node: a big node has more for its daemon to do. When a node's size
-- changes its pod is outdated, and is replaced by the update strategy.
-- Parameters:
--   container          whose resources
--   cpu, memory        shares, such as "2%"; "" leaves that resource as the template has it
--   min_cpu, max_cpu, min_memory, max_memory   bounds, such as "50m" and "2Gi"
--   limits             true: limits are set to the same
-- Quantities are exact: they are multiplied by integers. Three digits behind the point are enough.
local function share(total, percent, least, most)
  local number = tonumber((percent:gsub("%%$", "")))
  if not number then
    error("a share is written 2%, not " .. percent, 0)
  end
  local part = total * math.floor(number * 1000) / 100000
  least, most = moonset.quantity(least), moonset.quantity(most)
  if part < least then
    return least
  end
  return most < part and most or part
end

return {
  api = 1,
  name = "mutate/by-size",
  params = {
    container = { type = "string", required = true, doc = "the container's name" },
    cpu = { type = "string", default = "2%", doc = "share of the node's allocatable cpu" },
    memory = { type = "string", default = "2%", doc = "share of its allocatable memory" },
    min_cpu = { type = "string", default = "10m" },
    max_cpu = { type = "string", default = "4" },
    min_memory = { type = "string", default = "32Mi" },
    max_memory = { type = "string", default = "8Gi" },
    limits = { type = "boolean", default = false, doc = "limits are set to the same" },
  },

  mutate = function(pod, node, set)
    local p = set.params
    local resources = {}
    if p.cpu ~= "" and node.allocatable.cpu then
      resources.cpu = share(node.allocatable.cpu, p.cpu, p.min_cpu, p.max_cpu)
    end
    if p.memory ~= "" and node.allocatable.memory then
      resources.memory = share(node.allocatable.memory, p.memory, p.min_memory, p.max_memory)
    end
    pod:resources(p.container, { requests = resources, limits = p.limits and resources or nil })
  end,
}
