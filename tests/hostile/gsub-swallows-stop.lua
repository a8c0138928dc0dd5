-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- A replacement function that never ends, behind a pcall.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    while true do
      pcall(string.gsub, "aaa", "a", function()
        while true do
        end
      end)
    end
  end,
}
