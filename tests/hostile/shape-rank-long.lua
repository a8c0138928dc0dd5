-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in rank
-- says: longer list
-- A wrong answer of rank.
return {
  api = 1,
  rank = function(_, set)
    if not set.labels.bad then
      return 1
    end
    return { 1, 2, 3, 4, 5, 6, 7, 8, 9 }
  end,
}
