-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in status
-- Too much in status.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
