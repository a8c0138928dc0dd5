-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- A generic for whose iterator never says nil.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    for _ in function() return 1 end do
    end
  end,
}
