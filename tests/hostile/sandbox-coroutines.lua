-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is not available
-- A hook does not reach into a coroutine, so there are none.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return coroutine.wrap(function() end)()
  end,
}
