-- SPDX-License-Identifier: Apache-2.0
-- The daemon only where other daemons are ready: a log shipper after the network, a driver's
-- exporter after the driver. A pod that is there stays when a peer is not ready for a while.
-- Parameters:
--   after  the other sets, "namespace/name" each
--   leave  true: a pod goes when a peer is not ready any more
return {
  api = 1,
  name = "node-selection/after-peer",
  params = {
    after = { type = "list", required = true, doc = "other sets, as kube-system/cni" },
    leave = { type = "boolean", default = false, doc = "go when a peer is not ready any more" },
  },

  select = function(node, set)
    for _, name in ipairs(set.params.after) do
      if not moonset.peer(name):ready_on(node) then
        return not set.params.leave and "keep", name .. " is not ready here"
      end
    end
    return true
  end,
}
