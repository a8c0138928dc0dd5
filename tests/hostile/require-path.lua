-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: no such module
-- A module outside of the folder.
return require("../../../etc/passwd")
