-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- All bytes of a long text as values.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return select("#", ("x"):rep(60000):byte(1, -1)) == 60000
  end,
}
