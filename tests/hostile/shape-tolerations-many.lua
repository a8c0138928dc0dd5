-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in tolerations
-- says: more than 256
-- A wrong answer of tolerations.
return {
  api = 1,
  tolerations = function(set)
    if not set.labels.bad then
      return {}
    end
    local list = {}
    for i = 1, 1000 do
      list[i] = { key = "k" .. i, operator = "Exists" }
    end
    return list
  end,
}
