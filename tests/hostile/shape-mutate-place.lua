-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in mutate
-- says: only one label, one annotation
-- A wrong edit of mutate.
return {
  api = 1,
  mutate = function(pod, _, set)
    if not set.labels.bad then
      return
    end
    pod:set("/metadata/ownerReferences", {})
  end,
}
