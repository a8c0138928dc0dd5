-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: __call
-- A table that is called by way of itself, for ever.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    setmetatable(t, { __call = t })
    return t()
  end,
}
