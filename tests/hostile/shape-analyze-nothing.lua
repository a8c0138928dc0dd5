-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in analyze
-- says: analyze must return
-- A wrong answer of analyze.
return {
  api = 1,
  queries = { q = { provider = "p", query = "up", every = "30s" } },
  analyze = function(_, _, set)
    if not set.labels.bad then
      return "pass"
    end
    return nil
  end,
}
