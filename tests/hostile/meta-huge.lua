-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- A metatable of 100,000 entries is copied again and again.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local mt = {}
    for i = 1, 20000 do
      mt[i] = i
    end
    while true do
      setmetatable({}, mt)
      mt[1] = {}
    end
  end,
}
