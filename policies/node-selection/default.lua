-- SPDX-License-Identifier: Apache-2.0
-- Where a daemon runs: on every node that its template's node name, node selector and node affinity
-- allow and whose taints its pods tolerate. The rules of the Kubernetes DaemonSet controller.
-- No parameters. To narrow it, write a policy of your own beside it: the most restrictive answer
-- wins. To loosen it, copy this file, change it, and say replaces = { "select" }.

-- Asked for every node: what is looked up once need not be each time.
local affinity_matches, untolerated = moonset.affinity_matches, moonset.untolerated

return {
  api = 1,
  name = "node-selection/default",

  select = function(node, set)
    local pinned = set.template.node_name
    if pinned and pinned ~= node.name then
      return false, "the template names node " .. pinned
    end
    if not affinity_matches(set, node) then
      return false, "node selector or node affinity does not match"
    end

    local tolerations = set.tolerations
    local taint = untolerated(node, tolerations)
    if not taint then
      return true
    end
    -- A pod that is there may stay with a taint that only keeps new ones away.
    local fatal = untolerated(node, tolerations, "NoExecute")
    if fatal then
      return false, "taint " .. fatal.key .. ":NoExecute is not tolerated"
    end
    return "keep", "taint " .. taint.key .. ":NoSchedule is not tolerated"
  end,
}
