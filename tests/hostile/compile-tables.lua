-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: C stack overflow
-- Tables 10,000 deep.
local x =
--+10000 {
--+10000 }
return { api = 1, select = function() return true end }
