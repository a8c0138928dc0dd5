-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in update
-- says: stale view
-- A walk kept from an earlier call.
local kept

return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    if kept then
      return kept()
    end
    kept = roll:outdated {}
  end,
}
