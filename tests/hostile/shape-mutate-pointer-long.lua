-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: a pointer of more than
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:set("/spec" .. ("/a"):rep(30000), 1)
  end,
}
