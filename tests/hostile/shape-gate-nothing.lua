-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in gate
-- says: it returned
-- A wrong answer of gate.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    return
  end,
}
