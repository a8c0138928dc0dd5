-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in update
-- says: longer than 64 KB
-- A table whose text is too long.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local t = {}
    for i = 1, 6000 do
      t["key" .. i] = i
    end
    return true, moonset.json.encode(t)
  end,
}
