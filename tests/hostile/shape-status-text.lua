-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in status
-- says: a string
-- A wrong answer of status.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    return "fine"
  end,
}
