-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in rank
-- Too much in rank.
return {
  api = 1,
  rank = function(_, set)
    if not set.labels.bad then
      return 1
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
