-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- Recursion without an end: the stack is memory.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local function down(n)
      return 1 + down(n + 1)
    end
    return down(1)
  end,
}
