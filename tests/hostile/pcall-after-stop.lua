-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- What stands behind the pcall that was stopped is not run.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local caught = pcall(function()
      while true do
      end
    end)
    return caught and true or "keep", "it went on"
  end,
}
