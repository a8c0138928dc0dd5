-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: selector would not match
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:label("app", "other")
  end,
}
