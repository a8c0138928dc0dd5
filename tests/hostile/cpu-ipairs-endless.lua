-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- A list without an end, by __index.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local list = setmetatable({}, { __index = function(_, i) return i end })
    for _ in ipairs(list) do
    end
  end,
}
