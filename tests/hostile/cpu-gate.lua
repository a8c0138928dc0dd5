-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in gate
-- says: stopped after
-- The same in gate.
return {
  api = 1,
  gate = function(roll, set)
    while set.labels.bad do
    end
    return true
  end,
}
