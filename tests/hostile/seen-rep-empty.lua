-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: longer than 64 KB
-- Seen unbounded: the empty text, 2^62 times.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return true, string.rep("", 2 ^ 62 | 0)
  end,
}
