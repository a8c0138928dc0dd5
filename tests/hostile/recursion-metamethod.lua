-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: C stack overflow
-- __index that asks itself.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    setmetatable(t, { __index = function(_, key) return t[key .. "x"] end })
    return t.x
  end,
}
