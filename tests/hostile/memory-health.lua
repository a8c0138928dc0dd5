-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in health
-- Too much in health.
return {
  api = 1,
  health = function(_, set)
    if not set.labels.bad then
      return "ready"
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
