-- SPDX-License-Identifier: Apache-2.0
-- The daemon runs only on nodes with a label of a given value; the stock rules (node selector,
-- affinity, taints) go on to hold, since the most restrictive answer wins.
-- Parameters: label (default "edge"), value (default "true").
return {
  api = 1,
  name = "edge-only",
  params = {
    label = { type = "string", default = "edge", doc = "the node label to look at" },
    value = { type = "string", default = "true", doc = "the value it must have" },
  },
  select = function(node, set)
    local want = set.params
    return node.labels[want.label] == want.value, "only nodes with " .. want.label .. "=" .. want.value
  end,
}
