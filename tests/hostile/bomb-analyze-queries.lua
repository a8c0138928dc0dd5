-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: queries
-- More queries than may be.
local queries = {}
for i = 1, 1000 do
  queries["q" .. i] = { provider = "p", query = "up", every = "30s" }
end
return {
  api = 1,
  queries = queries,
  analyze = function()
    return "pass"
  end,
}
