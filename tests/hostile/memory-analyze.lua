-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in analyze
-- Too much in analyze.
return {
  api = 1,
  queries = { q = { provider = "p", query = "up", every = "30s" } },
  analyze = function(_, _, set)
    if not set.labels.bad then
      return "pass"
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
