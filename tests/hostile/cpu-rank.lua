-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in rank
-- says: stopped after
-- The same in rank.
return {
  api = 1,
  rank = function(node, set)
    while set.labels.bad do
    end
    return 1
  end,
}
