-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: local variables
-- 300 local variables.
--*300 local a
return { api = 1, select = function() return true end }
