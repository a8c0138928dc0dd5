-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- No __len is believed.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local t = setmetatable({ "a" }, { __len = function() return 1 << 60 end })
    return table.concat(t) == "a" and select("#", table.unpack(t)) == 1
  end,
}
