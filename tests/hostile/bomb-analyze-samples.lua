-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in analyze
-- All series with all others.
return {
  api = 1,
  queries = { q = { provider = "p", query = "up", every = "30s" } },
  analyze = function(samples, _, set)
    if not set.labels.bad then
      return "pass"
    end
    while true do
      for _, one in ipairs(samples.q.series) do
        for _, other in ipairs(samples.q.series) do
          local _ = one.labels.pod == other.labels.pod
        end
      end
    end
  end,
}
