-- SPDX-License-Identifier: Apache-2.0
-- expect: none in analyze
-- A short query that grows when it is filled in.
return {
  api = 1,
  params = { p = { type = "string", default = ("x"):rep(4000) } },
  queries = { q = { provider = "p", query = ('"{{param.p}}"'):rep(300), every = "30s" } },
  analyze = function()
    return "pass"
  end,
}
