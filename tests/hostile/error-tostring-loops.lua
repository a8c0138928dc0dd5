-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is a table
-- An error object whose __tostring never ends: nobody asks it.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    error(setmetatable({}, { __tostring = function()
      while true do
      end
    end }))
  end,
}
