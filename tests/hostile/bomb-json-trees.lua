-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- Texts that are read and then refused, again and again: what was read must go.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local text = ("["):rep(40) .. ("]"):rep(40)
    text = "[" .. text .. ("," .. "[]"):rep(20000) .. "]"
    while true do
      pcall(moonset.json.decode, text)
    end
  end,
}
