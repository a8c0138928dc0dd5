-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: C stack overflow
-- Functions 1,000 deep.
--*1000 local function f()
--*1000 end
return { api = 1, select = function() return true end }
