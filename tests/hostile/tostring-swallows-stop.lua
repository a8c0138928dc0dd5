-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- __tostring that never ends, called by string.format.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local x = setmetatable({}, { __tostring = function()
      while true do
      end
    end })
    return true, string.format("%s", x)
  end,
}
