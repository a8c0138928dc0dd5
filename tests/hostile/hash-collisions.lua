-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in select
-- Integer keys that all fall into one place of the table when it grows: Lua moves them one by one, without looking at any clock.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    for i = 1, 70000 do
      t[i * 131071] = true
    end
  end,
}
