-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: C stack overflow
-- Parentheses 10,000 deep.
local x =
--+10000 (
1
--+10000 )
return { api = 1, select = function() return true end }
