-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- next looks for the next key among all.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    for i = 1, 10000 do
      t["k" .. i] = i
    end
    local key
    repeat
      key = next(t, key)
    until key == nil
  end,
}
