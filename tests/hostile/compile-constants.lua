-- SPDX-License-Identifier: Apache-2.0
-- expect: none in load
-- A table of 20,000 constants.
local t = {
--*20000 1.5, "x",
}
return { api = 1, select = function() return #t == 40000 end }
