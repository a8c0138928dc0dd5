-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- A comparison that says yes to everything, and then at random.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local list = {}
    local seed = 1
    for i = 1, 200 do
      list[i] = i
    end
    table.sort(list, function() return true end)
    table.sort(list, function()
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % 2 == 0
    end)
    return #list == 200
  end,
}
