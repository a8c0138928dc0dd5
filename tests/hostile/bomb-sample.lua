-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: different ones
-- nodes: 512
-- One draw after the other, each of all nodes.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    for i = 1, 1000 do
      moonset.sample(node, { count = 1, salt = "s" .. i })
    end
    return true
  end,
}
