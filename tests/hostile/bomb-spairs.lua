-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped
-- A large table, sorted again and again.
return {
  api = 1,
  select = function(_, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    for i = 1, 10000 do
      t["key" .. i * 7919 % 10000] = i
    end
    while true do
      moonset.spairs(t)
    end
  end,
}
