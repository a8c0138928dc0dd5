-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- Set late it has no effect: the metatable was copied.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local mt = {}
    local ran = false
    for _ = 1, 100 do
      setmetatable({}, mt)
    end
    mt.__gc = function() ran = true end
    mt.__mode = "k"
    for _ = 1, 2000 do
      setmetatable({}, { x = {} })
    end
    return not ran
  end,
}
