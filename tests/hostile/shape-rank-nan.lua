-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in rank
-- says: nan
-- A wrong answer of rank.
return {
  api = 1,
  rank = function(_, set)
    if not set.labels.bad then
      return 1
    end
    return 0 / 0
  end,
}
