-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: attempt to
-- The list is emptied while it is sorted.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local list = {}
    for i = 1, 100 do
      list[i] = i
    end
    table.sort(list, function(a, b)
      for i = 1, 100 do
        list[i] = nil
      end
      return a < b
    end)
  end,
}
