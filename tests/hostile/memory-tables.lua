-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- says: stopped
-- Tables in tables.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local t = {}
    while true do
      t = { t, 1, 2, 3, 4, 5, 6, 7, 8, 9 }
    end
  end,
}
