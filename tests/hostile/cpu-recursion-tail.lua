-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- Tail calls use no stack: they never overflow it.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function forever(n)
      return forever(n + 1)
    end
    return forever(1)
  end,
}
