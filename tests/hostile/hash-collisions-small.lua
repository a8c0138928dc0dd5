-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- The same in a table of the size that is allowed.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    for i = 1, 16384 do
      t[i * 32767] = true
    end
    while true do
    end
  end,
}
