-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in status
-- says: true or false
-- A wrong answer of status.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    return { conditions = { { type = "T", status = "maybe" } } }
  end,
}
