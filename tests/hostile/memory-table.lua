-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- says: stopped
-- A table that grows.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local t = {}
    for i = 1, 1e9 do
      t[i] = i
    end
  end,
}
