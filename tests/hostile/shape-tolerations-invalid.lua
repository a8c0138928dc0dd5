-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in tolerations
-- says: is no key
-- A wrong answer of tolerations.
return {
  api = 1,
  tolerations = function(set)
    if not set.labels.bad then
      return {}
    end
    return { { key = "a b", operator = "Exists" } }
  end,
}
