-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- Metatables that hold each other only by way of what setmetatable remembers.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local root = {}
    local first = {}
    local given = first
    for _ = 1, 12000 do
      local following = {}
      given.__index = following
      setmetatable({}, given)
      root[#root + 1] = setmetatable({}, given)
      given.__index = nil
      given = following
    end
    while true do
    end
  end,
}
