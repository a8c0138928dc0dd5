-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in mutate
-- Too much in mutate.
return {
  api = 1,
  mutate = function(_, _, set)
    if not set.labels.bad then
      return
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
