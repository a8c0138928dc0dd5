-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: duration
-- A duration beyond all times.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.duration("99999999999999999999h") > 0
  end,
}
