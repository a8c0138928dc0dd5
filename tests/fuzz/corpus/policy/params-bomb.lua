-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: parameter
-- Defaults and docs that would take gigabytes outside of the state.
local text = ("x"):rep(60000)
local list = {}
for i = 1, 256 do
  list[i] = text
end
local params = {}
for i = 1, 64 do
  params["p" .. i] = { type = "list", default = list, doc = text }
end
return {
  api = 1,
  params = params,
  select = function()
    return true
  end,
}
