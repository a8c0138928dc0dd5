-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- An error at the bottom of a deep stack.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local function down(n)
      if n == 0 then
        error("deep")
      end
      down(n - 1)
      return 1
    end
    down(150000)
  end,
}
