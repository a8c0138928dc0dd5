-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: longer than
-- A long number.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.quantity(("9"):rep(60000)) ~= nil
  end,
}
