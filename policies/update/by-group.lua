-- SPDX-License-Identifier: Apache-2.0
-- A rolling update that finishes one group of nodes before it begins the next: zone by zone, pool by
-- pool, rack by rack. Inside a group the budget is its own share, and never more than the set's.
-- Parameters:
--   by     the node label that says which group a node is in
--   order  groups that go first, in this order; all others follow by name
--   budget how many of a group's nodes may be without an available pod at a time
-- For maxUnavailable, not for maxSurge.
local function group_of(node, by)
  return node and node.labels[by] or ""
end

-- { name → { nodes, unavailable, open } }: open while there is something left to do in it.
local function survey(roll, by)
  local groups = {}
  local function group(node)
    local name = group_of(node, by)
    groups[name] = groups[name] or { name = name, nodes = 0, unavailable = 0, open = false }
    return groups[name]
  end
  local function count(node, available, open)
    local g = group(node)
    g.nodes = g.nodes + 1
    g.unavailable = g.unavailable + (available and 0 or 1)
    g.open = g.open or open
  end
  for pod in roll:outdated { wanted = true, paired = false } do
    count(pod.node, pod.available, true)
  end
  for pod in roll:updated { wanted = true } do
    count(pod.node, pod.available, not pod.available)
  end
  for node in roll:missing {} do
    count(node, false, true)
  end
  return groups
end

local function first_open(groups, order)
  for _, name in ipairs(order) do
    if groups[name] and groups[name].open then
      return groups[name]
    end
  end
  for _, g in moonset.spairs(groups) do
    if g.open then
      return g
    end
  end
end

return {
  api = 1,
  name = "update/by-group",
  params = {
    by = {
      type = "string",
      default = "topology.kubernetes.io/zone",
      doc = "node label with the name of the group",
    },
    order = { type = "list", default = {}, doc = "groups that go first, in this order" },
    budget = { type = "intstr", default = "25%", doc = "nodes of a group that may be unavailable" },
  },

  update = function(roll, set)
    if roll.max_surge > 0 then
      error("update/by-group is for maxUnavailable, not for maxSurge", 0)
    end
    local params = set.params
    local g = first_open(survey(roll, params.by), params.order)
    if not g then
      return
    end
    local most = math.max(1, moonset.intstr(params.budget, g.nodes, "down"))
    local left = math.min(roll.left, most - g.unavailable)
    local turn = "its group's turn: " .. (g.name ~= "" and g.name or "none")
    for pod in roll:outdated { wanted = true, paired = false } do
      if group_of(pod.node, params.by) == g.name then
        if not pod.available then
          roll:replace(pod, "outdated, and not available anyway")
        elseif left > 0 and roll:replace(pod, turn) then
          left = left - 1
        end
      end
    end
  end,
}
