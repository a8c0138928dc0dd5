-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is not available
-- Also what is in them.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    moonset.json.encode = print
  end,
}
