-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in tolerations
-- says: did you mean
-- A wrong answer of tolerations.
return {
  api = 1,
  tolerations = function(set)
    if not set.labels.bad then
      return {}
    end
    return { { kye = "x", operator = "Exists" } }
  end,
}
