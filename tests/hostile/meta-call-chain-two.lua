-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: __call
-- The same with two.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local a, b = {}, {}
    setmetatable(a, { __call = b })
    setmetatable(b, { __call = a })
    return a()
  end,
}
