-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in update
-- says: stopped after
-- The hook update has 20 ms.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    while true do
    end
  end,
}
