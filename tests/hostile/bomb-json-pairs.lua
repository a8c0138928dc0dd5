-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- __pairs that never ends: a text is made without it.
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
