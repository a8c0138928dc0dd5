-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in select
-- says: 64 KB
-- Nor a text beyond the cap.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local text = ("x"):rep(60000)
    while true do
      pcall(function()
        return text .. text
      end)
    end
  end,
}
