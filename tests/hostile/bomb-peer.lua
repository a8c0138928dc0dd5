-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped
-- Other sets without end.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local i = 0
    while true do
      i = i + 1
      moonset.peer("ns/p" .. i):ready_on(node)
    end
  end,
}
