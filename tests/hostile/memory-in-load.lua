-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in load
-- says: of memory
-- The chunk itself takes too much.
local t = {}
for i = 1, 1e9 do
  t[i] = { i }
end
