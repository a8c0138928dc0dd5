-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: __mode is not available
-- Weak tables show when memory is collected.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    setmetatable({}, { __mode = "v" })
  end,
}
