-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: less than nothing
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:resources("c", { requests = { cpu = "-1" } })
  end,
}
