-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: 4096
-- A query longer than any.
return {
  api = 1,
  queries = { q = { provider = "p", query = ("x"):rep(60000), every = "30s" } },
  analyze = function()
    return "pass"
  end,
}
