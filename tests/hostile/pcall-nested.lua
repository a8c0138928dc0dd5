-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- pcall within pcall within pcall: each would have to catch the stop.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function deep(n)
      while true do
        pcall(deep, n + 1)
      end
    end
    deep(1)
  end,
}
