-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in health
-- says: health must return
-- A wrong answer of health.
return {
  api = 1,
  health = function(_, set)
    if not set.labels.bad then
      return "ready"
    end
    return "failed", {}
  end,
}
