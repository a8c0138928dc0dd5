-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: C stack overflow
-- pcall(pcall, pcall, …): C calls of C calls.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function down()
      local ok, why = pcall(down)
      if not ok then
        error(why, 0)
      end
      return true
    end
    return down()
  end,
}
