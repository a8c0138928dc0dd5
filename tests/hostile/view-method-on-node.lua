-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is no list
-- Functions that are not for this.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.list.map(node, tostring) ~= nil
  end,
}
