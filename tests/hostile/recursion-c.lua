-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: C stack overflow
-- Recursion through C: Lua allows 200 levels of it.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function down()
      return (("x"):gsub("x", down))
    end
    return true, down()
  end,
}
