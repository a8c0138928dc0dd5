-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- Set late: nothing is collected out of the table.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local mt = {}
    local weak = setmetatable({}, mt)
    mt.__mode = "v"
    weak[1] = {}
    for _ = 1, 5000 do
      local _ = { {} }
    end
    return weak[1] ~= nil
  end,
}
