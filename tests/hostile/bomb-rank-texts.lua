-- SPDX-License-Identifier: Apache-2.0
-- expect: none in rank
-- nodes: 2000
-- A long text, another for each node: what is kept is short.
return {
  api = 1,
  rank = function(node, set)
    if not set.labels.bad then
      return 1
    end
    return node.name .. ("x"):rep(2000)
  end,
}
