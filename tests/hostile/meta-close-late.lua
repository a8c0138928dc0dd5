-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: non-closable
-- Set late: the value cannot be closed.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local mt = {}
    local x = setmetatable({}, mt)
    mt.__close = function()
      while true do
      end
    end
    do
      local guard <close> = x
    end
  end,
}
