-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in mutate
-- says: stopped
-- The same in mutate.
return {
  api = 1,
  mutate = function(_, _, set)
    if not set.labels.bad then
      return
    end
    while true do
    end
  end,
}
