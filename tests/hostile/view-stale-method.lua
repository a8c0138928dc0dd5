-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in update
-- says: stale view
-- The roll of an earlier call, by its method.
local kept, replace

return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    if kept then
      return replace(kept, nil, "x")
    end
    kept, replace = roll, roll.replace
  end,
}
