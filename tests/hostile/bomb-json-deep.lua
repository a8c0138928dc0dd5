-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: json.decode
-- Deep nesting.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.json.decode(("["):rep(30000) .. ("]"):rep(30000)) ~= nil
  end,
}
