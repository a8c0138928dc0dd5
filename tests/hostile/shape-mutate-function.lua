-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in mutate
-- says: function
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:set("/spec/priority", function() end)
  end,
}
