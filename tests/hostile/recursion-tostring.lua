-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: C stack overflow
-- __tostring that calls tostring.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    setmetatable(t, { __tostring = function() return tostring(t) end })
    return true, tostring(t)
  end,
}
