-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: more than 4096
-- More values than fit.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    table.unpack({}, 1, 1e7)
  end,
}
