-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in load
-- A table that answers to every name.
return setmetatable({}, {
  __index = function()
    while true do
    end
  end,
})
