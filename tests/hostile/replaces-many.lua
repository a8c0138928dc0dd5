-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: replaces
-- A list of 100,000 hooks.
local list = {}
for i = 1, 100000 do
  list[i] = "select"
end
return { api = 1, replaces = list, select = function() end }
