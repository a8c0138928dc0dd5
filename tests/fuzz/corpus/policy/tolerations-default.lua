-- SPDX-License-Identifier: Apache-2.0
-- What daemon pods tolerate beside what their template says: the conditions of a node that is in
-- trouble or closed for ordinary work. The list of the Kubernetes DaemonSet controller.
-- No parameters. A policy of your own adds to it; with replaces = { "tolerations" } it stands alone.

local function tolerate(condition, effect)
  return { key = "node.kubernetes.io/" .. condition, operator = "Exists", effect = effect }
end

return {
  api = 1,
  name = "tolerations/default",

  tolerations = function(set)
    local list = {
      tolerate("not-ready", "NoExecute"),
      tolerate("unreachable", "NoExecute"),
      tolerate("disk-pressure", "NoSchedule"),
      tolerate("memory-pressure", "NoSchedule"),
      tolerate("pid-pressure", "NoSchedule"),
      tolerate("unschedulable", "NoSchedule"),
    }
    if set.template.host_network then -- such a pod needs no network of its own to come up
      list[#list + 1] = tolerate("network-unavailable", "NoSchedule")
    end
    return list
  end,
}
