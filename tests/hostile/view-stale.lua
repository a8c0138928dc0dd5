-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in update
-- says: stale view
-- A roll kept in an upvalue. (A node kept by a pure hook is not even met again: its answer is known.)
local kept

return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local before = kept
    kept = roll
    return before and before.now
  end,
}
