-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- says: stopped
-- Functions that hold functions.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local f = function() end
    while true do
      local inner, list = f, { 1, 2, 3, 4, 5, 6, 7, 8 }
      f = function() return inner, list end
    end
  end,
}
