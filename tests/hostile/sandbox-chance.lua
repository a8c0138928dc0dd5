-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is not available
-- There is no chance.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return math.random() > 0
  end,
}
