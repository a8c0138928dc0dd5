-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in mutate
-- says: different changes
-- nodes: 6000
-- Another large answer for each node: all are kept.
return {
  api = 1,
  mutate = function(pod, node, set)
    if not set.labels.bad then
      return
    end
    pod:annotation("a", node.name .. ("x"):rep(4000))
  end,
}
