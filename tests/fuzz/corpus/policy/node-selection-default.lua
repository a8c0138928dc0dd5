-- SPDX-License-Identifier: Apache-2.0
-- Where a daemon runs: on every node that its template's node name, node selector and node affinity
-- allow and whose taints its pods tolerate. The rules of the Kubernetes DaemonSet controller.
-- No parameters. To narrow it, write a policy of your own beside it: the most restrictive answer
-- wins. To loosen it, copy this file, change it, and say replaces = { "select" }.

return {
  api = 1,
  name = "node-selection/default",

  select = function(node, set)
    local pinned = set.template.node_name
    if pinned and pinned ~= node.name then
      return false, "the template names node " .. pinned
    end
    if not moonset.affinity_matches(set, node) then
      return false, "node selector or node affinity does not match"
    end

    -- A pod that is there may stay with a taint that only keeps new ones away.
    local taint = moonset.untolerated(node, set.tolerations, "NoExecute")
    if taint then
      return false, "taint " .. taint.key .. ":NoExecute is not tolerated"
    end
    taint = moonset.untolerated(node, set.tolerations, "NoSchedule")
    if taint then
      return "keep", "taint " .. taint.key .. ":NoSchedule is not tolerated"
    end
    return true
  end,
}
