-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in gate
-- says: more than 100
-- More figures than a call may tell.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    for i = 1, 1000 do
      moonset.metric.inc("m" .. i)
    end
    return true
  end,
}
