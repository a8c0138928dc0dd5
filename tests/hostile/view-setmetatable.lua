-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: table expected
-- A view keeps its metatable.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    setmetatable(node, {})
  end,
}
