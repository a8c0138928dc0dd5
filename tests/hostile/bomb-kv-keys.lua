-- SPDX-License-Identifier: Apache-2.0
-- expect: budget/runtime in gate
-- Ever more keys.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    for i = 1, 1000000 do
      moonset.kv.set("k" .. i, i)
    end
    return true
  end,
}
