-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- Sorting the keys of a large table again and again.
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
    for _ in pairs(t) do
      for _ in pairs(t) do
        break
      end
    end
  end,
}
