-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- pcall does not catch a stop.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    while true do
      pcall(function()
        while true do
        end
      end)
    end
  end,
}
