-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: a pointer that is too long
-- A template that nobody could read any more.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:set("/spec" .. ("/a"):rep(1000), 1)
  end,
}
