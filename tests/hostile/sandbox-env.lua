-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- An environment of its own is the function's own business.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local function inner()
      local _ENV = {}
      x = 1
      return x
    end
    return inner() == 1
  end,
}
