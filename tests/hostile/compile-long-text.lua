-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in load
-- says: 64 KB
-- A text of 200,000 bytes.
local x = "\
--+20000 xxxxxxxxxx
"
return { api = 1, select = function() return true end }
