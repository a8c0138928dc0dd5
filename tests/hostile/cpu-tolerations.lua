-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in tolerations
-- says: stopped after
-- The same in tolerations.
return {
  api = 1,
  tolerations = function(set)
    while set.labels.bad do
    end
    return {}
  end,
}
