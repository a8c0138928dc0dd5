-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- Globs of many stars.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local pattern = ("*a"):rep(500)
    local text = ("a"):rep(900) .. "b"
    while true do
      moonset.glob(pattern, text)
    end
  end,
}
