-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in mutate
-- says: deeper than
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    local t = {}
    t.t = t
    pod:set("/spec/securityContext", t)
  end,
}
