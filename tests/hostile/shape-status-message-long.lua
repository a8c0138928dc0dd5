-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in status
-- says: longer than
-- A wrong answer of status.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    return { message = ("x"):rep(60000) }
  end,
}
