-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: read-only
-- Libraries are read-only.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    string.rep = nil
  end,
}
