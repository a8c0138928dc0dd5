-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: read-only
-- Also to table.insert.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    table.insert(moonset, 1)
  end,
}
