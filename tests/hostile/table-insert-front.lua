-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- Each insert at the front moves all.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local list = {}
    for i = 1, 1e6 do
      table.insert(list, 1, i)
    end
  end,
}
