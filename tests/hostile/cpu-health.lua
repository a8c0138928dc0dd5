-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in health
-- says: stopped after
-- The same in health.
return {
  api = 1,
  health = function(pod, set)
    while set.labels.bad do
    end
    return "ready"
  end,
}
