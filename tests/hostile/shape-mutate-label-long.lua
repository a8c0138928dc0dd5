-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: cannot be a label
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:label("size", ("x"):rep(60000))
  end,
}
