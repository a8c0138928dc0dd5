-- SPDX-License-Identifier: Apache-2.0
-- expect: none/budget in update
-- A large cluster in another order: more than a loop over it, but not much.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    for _ in roll:missing { order = { "zone", "age", "name" } } do
      break
    end
  end,
}
