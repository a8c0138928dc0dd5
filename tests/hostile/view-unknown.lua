-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: has no field
-- A field that is not there, with a long name.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return node[("x"):rep(60000)]
  end,
}
