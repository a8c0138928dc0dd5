-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- A list of many effects.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local list = {}
    for i = 1, 100000 do
      list[i] = "NoSchedule"
    end
    while true do
      moonset.untolerated(node, set.tolerations, list)
    end
  end,
}
