-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- says: stopped
-- What is kept from call to call counts, too.
local kept = {}

return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    while true do
      kept[#kept + 1] = { 1, 2, 3, 4, 5, 6, 7, 8 }
    end
  end,
}
