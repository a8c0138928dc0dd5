-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: stale view
-- A node kept in an upvalue.
local kept

return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local before = kept
    kept = node
    return before == nil or before.name ~= nil
  end,
}
