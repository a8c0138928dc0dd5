-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: nothing else
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    local parts = {}
    for i = 1, 2000 do
      parts["p" .. i] = {}
    end
    pod:resources("c", parts)
  end,
}
