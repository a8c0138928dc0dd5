-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in update
-- The same without an end.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    while true do
      roll:missing { order = { "zone", "age", "name" } }
    end
  end,
}
