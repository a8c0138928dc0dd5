-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: read-only
-- Also fields that are not there.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    node.evil = 1
  end,
}
