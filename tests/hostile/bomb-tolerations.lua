-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: more than 256
-- More tolerations than are looked at must not be dropped in silence.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local list = {}
    for i = 1, 300 do
      list[i] = { key = "k" .. i, operator = "Exists" }
    end
    return moonset.untolerated(node, list) == nil
  end,
}
