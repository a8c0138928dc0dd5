-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: 'xpcall' is not available
-- xpcall could run code of its own after a stop; there is none.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return xpcall(function()
      return true
    end, function() end)
  end,
}
