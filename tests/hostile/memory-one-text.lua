-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in select
-- says: 64 KB
-- A text that doubles.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local text = "x"
    while true do
      text = text .. text
    end
  end,
}
