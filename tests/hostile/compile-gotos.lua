-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: no visible label
-- 30,000 gotos and the labels they look for.
local function f()
--*30000 goto x
end
return { api = 1, select = function() return true end }
