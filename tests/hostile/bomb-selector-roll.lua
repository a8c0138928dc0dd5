-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in update
-- 800 requirements against every node of a large cluster.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local parts = {}
    for i = 1, 500 do
      parts[i] = "k" .. i .. "!=v"
    end
    for _ = 1, 8 do
      roll:count { state = "missing", selector = table.concat(parts, ",") }
    end
  end,
}
