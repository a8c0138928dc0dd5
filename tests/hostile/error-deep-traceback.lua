-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: deep
-- An error below 1,000 calls: the traceback is cut.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function down(n)
      if n == 0 then
        error("deep")
      end
      down(n - 1)
      return 1
    end
    down(1000)
  end,
}
