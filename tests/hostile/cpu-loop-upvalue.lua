-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- An endless loop that keeps what it has done where the next call finds it.
local count = 0

return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    while true do
      count = count + 1
    end
  end,
}
