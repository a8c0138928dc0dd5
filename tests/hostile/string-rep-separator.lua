-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: longer than 64 KB
-- An empty text with a long separator.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return true, string.rep("", 60000, ("x"):rep(60000))
  end,
}
