-- SPDX-License-Identifier: Apache-2.0
-- The daemon on some nodes only: three of them, ten percent, one in each zone. Which ones is left to
-- hashing: always the same, and when nodes come or go as few as possible change.
-- Parameters:
--   nodes  how many: a number or a percentage, of each group
--   by     a node label: so many for each of its values; all nodes are one group without
--   among  only nodes that match this selector
return {
  api = 1,
  name = "node-selection/sample",
  params = {
    nodes = { type = "intstr", default = 1, doc = "how many, of each group" },
    by = { type = "string", default = "", doc = "node label that says the group" },
    among = { type = "selector", doc = "only these nodes" },
  },

  select = function(node, set)
    local params = set.params
    if moonset.sample(node, { count = params.nodes, by = params.by, among = params.among }) then
      return true
    end
    return false, "not in the sample"
  end,
}
