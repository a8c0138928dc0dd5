-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in gate
-- Too much in gate.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
