-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in update
-- Looking at everything of all nodes.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    while true do
      for node in roll:missing {} do
        local _ = node.labels, node.taints, node.conditions, node.capacity
      end
    end
  end,
}
