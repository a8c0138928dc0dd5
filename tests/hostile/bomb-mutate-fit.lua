-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in mutate
-- nodes: 256
-- Edits that are quickly said and slowly made.
return {
  api = 1,
  mutate = function(pod, node, set)
    if not set.labels.bad then
      return
    end
    for i = 1, 64 do
      pod:annotation("a" .. i, node.name .. ("x"):rep(3000))
    end
  end,
}
