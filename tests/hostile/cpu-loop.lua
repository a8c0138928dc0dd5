-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- An endless loop.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    while true do
    end
  end,
}
