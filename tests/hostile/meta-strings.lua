-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: attempt to index
-- The metatable of all texts is not to be had.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    getmetatable("").__index = nil
  end,
}
