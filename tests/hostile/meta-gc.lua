-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: __gc is not available
-- Finalizers run when nobody looks.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    setmetatable({}, { __gc = function() end })
  end,
}
