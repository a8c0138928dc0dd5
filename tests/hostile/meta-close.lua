-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: __close is not available
-- A block that is left runs __close, also when it is stopped.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    setmetatable({}, { __close = function() end })
  end,
}
