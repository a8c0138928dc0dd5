-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: expected
-- A set where a node is wanted.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.affinity_matches(node, set)
  end,
}
