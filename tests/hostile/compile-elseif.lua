-- SPDX-License-Identifier: Apache-2.0
-- expect: none in load
-- A chain of 4,000 elseifs: the compiler walks it for each of them.
local function f(a)
  if a then
--*4000 elseif a then f()
  end
end
return { api = 1, select = function() return true end }
