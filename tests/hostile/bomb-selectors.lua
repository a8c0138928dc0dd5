-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: more than 256
-- More different selectors than are kept.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    for i = 1, 1000 do
      moonset.selector("k=v" .. i)
    end
  end,
}
