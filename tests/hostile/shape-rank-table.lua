-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in rank
-- says: it returned
-- A wrong answer of rank.
return {
  api = 1,
  rank = function(_, set)
    if not set.labels.bad then
      return 1
    end
    return { {} }
  end,
}
