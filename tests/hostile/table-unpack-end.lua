-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- The two last integers.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return select("#", table.unpack({}, math.maxinteger - 1, math.maxinteger)) == 2
  end,
}
