-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- Errors whose message is another error, for ever.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function again()
      while true do
        pcall(error, setmetatable({}, { __tostring = again }))
      end
    end
    again()
  end,
}
