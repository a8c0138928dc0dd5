-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: deeper than
-- A table that holds itself.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = {}
    t.t = t
    return true, moonset.json.encode(t)
  end,
}
