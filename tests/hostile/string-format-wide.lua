-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in select
-- says: 64 KB
-- A width of three digits is refused by Lua, thousands of wide numbers by us.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local parts = {}
    for i = 1, 4000 do
      parts[i] = "%99d"
    end
    local numbers = {}
    for i = 1, 4000 do
      numbers[i] = i
    end
    return true, string.format(table.concat(parts), table.unpack(numbers))
  end,
}
