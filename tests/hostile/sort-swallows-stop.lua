-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- A comparison function that never ends, behind a pcall.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    while true do
      pcall(table.sort, { 3, 2, 1 }, function()
        while true do
        end
      end)
    end
  end,
}
