-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: more than 64
-- More parameters than anybody wants.
local params = {}
for i = 1, 100 do
  params["p" .. i] = { type = "string", default = "x" }
end
return { api = 1, params = params, select = function() end }
