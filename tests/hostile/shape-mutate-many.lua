-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: more than 64 changes
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    for i = 1, 1000 do
      pod:env("c", "E" .. i, i)
    end
  end,
}
