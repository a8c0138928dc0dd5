-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: more than 256 KB
-- A pod larger than any API server takes.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    for i = 1, 64 do
      pod:annotation("a" .. i, ("x"):rep(60000))
    end
  end,
}
