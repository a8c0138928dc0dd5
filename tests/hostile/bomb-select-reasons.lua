-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- nodes: 2000
-- A long reason, another for each node: what is kept is short.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return true, node.name .. ("x"):rep(2000)
  end,
}
