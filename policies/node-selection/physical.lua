-- SPDX-License-Identifier: Apache-2.0
-- No daemons on nodes that cannot run them: virtual kubelets, Fargate and the like, and, if one wants,
-- edge nodes. What is recognised are the labels that these platforms put on their nodes.
-- Parameters:
--   skip  more nodes to leave out, a list of selectors
local virtual = {
  "type=virtual-kubelet",
  "kubernetes.azure.com/cluster,type=virtual-kubelet",
  "eks.amazonaws.com/compute-type=fargate",
  "node.kubernetes.io/instance-type=eci",
  "multicluster.admiralty.io/role=cluster",
}

return {
  api = 1,
  name = "node-selection/physical",
  params = {
    skip = { type = "list", default = {}, doc = "selectors of more nodes to leave out" },
  },

  select = function(node, set)
    for _, list in ipairs { virtual, set.params.skip } do
      for _, text in ipairs(list) do
        if moonset.selector(text):matches(node) then
          return false, "nodes with " .. text .. " are left out"
        end
      end
    end
    return true
  end,
}
