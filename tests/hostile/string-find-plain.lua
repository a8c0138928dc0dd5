-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- A plain search of 32 KB in 64 KB that all but matches everywhere.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local text = ("a"):rep(65000)
    local needle = ("a"):rep(32000) .. "b"
    for _ = 1, 1000 do
      text:find(needle, 1, true)
    end
  end,
}
