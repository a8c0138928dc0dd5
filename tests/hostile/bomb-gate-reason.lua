-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in gate
-- says: no reason
-- A reason that is no text.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    return false, setmetatable({}, { __tostring = function()
      while true do
      end
    end }), 30
  end,
}
