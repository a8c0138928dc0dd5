-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- Seen unbounded: sorting two texts of 60 KB 60,000 times.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local a, b = ("a"):rep(60000) .. "a", ("a"):rep(60000) .. "b"
    local list = {}
    for i = 1, 60000 do
      list[i] = i % 2 == 0 and a or b
    end
    table.sort(list)
  end,
}
