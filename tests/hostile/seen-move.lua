-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: too many entries
-- Seen unbounded: table.move({}, 1, 2^60, 2).
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    table.move({}, 1, 2 ^ 60 | 0, 2)
  end,
}
