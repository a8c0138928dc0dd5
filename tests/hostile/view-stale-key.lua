-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: stale view
-- Nodes kept as keys of a table.
local kept = {}

return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    kept[node] = true
    local n = 0
    for _ in pairs(kept) do
      n = n + 1
    end
    return n > 0
  end,
}
