-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: longer than 64 KB
-- __pairs that never ends, while a text is made.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = setmetatable({}, { __pairs = function()
      return function()
        return "k", 1
      end
    end })
    return true, moonset.json.encode(t)
  end,
}
