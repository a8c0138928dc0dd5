-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: table expected
-- rawget is for tables.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return rawget(node, "name") ~= nil
  end,
}
