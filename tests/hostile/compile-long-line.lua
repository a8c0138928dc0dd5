-- SPDX-License-Identifier: Apache-2.0
-- expect: none in load
-- A line of 250,000 bytes.
local x = 1
--+24900 x = x + 1 
return { api = 1, select = function() return true end }
