-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: a circle
-- Two modules that require each other.
return require("lib.ping")
