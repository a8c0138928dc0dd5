-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: a circle
-- A module that requires itself.
return require("lib.loop")
