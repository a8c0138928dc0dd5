-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- Loops in loops.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    for _ = 1, 1e9 do
      for _ = 1, 1e9 do
      end
    end
  end,
}
