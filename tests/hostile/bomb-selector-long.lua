-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: longer than 4096
-- A long one.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.selector(("a=b,"):rep(10000) .. "a=b"):matches(node)
  end,
}
