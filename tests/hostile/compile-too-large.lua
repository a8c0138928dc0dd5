-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: is larger than
-- More source than is read.
--*30000 -- xxxxxxxxx
return { api = 1, select = function() return true end }
