-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in status
-- says: more than 8
-- A wrong answer of status.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    local list = {}
    for i = 1, 1000 do
      list[i] = { type = "T" .. i, status = true }
    end
    return { conditions = list }
  end,
}
