-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: chain too long
-- A long chain of __index.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    for _ = 1, 3000 do
      t = setmetatable({}, { __index = t })
    end
    return t.x
  end,
}
