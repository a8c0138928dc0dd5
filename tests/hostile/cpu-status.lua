-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in status
-- says: stopped
-- The same in status.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    while true do
    end
  end,
}
