-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: protected metatable
-- Nor that of a library.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    setmetatable(string, {})
  end,
}
