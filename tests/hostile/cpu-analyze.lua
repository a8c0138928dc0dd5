-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in analyze
-- says: stopped
-- The same in analyze.
return {
  api = 1,
  queries = { q = { provider = "p", query = "up", every = "30s" } },
  analyze = function(_, _, set)
    if not set.labels.bad then
      return "pass"
    end
    while true do
    end
  end,
}
