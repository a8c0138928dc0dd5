-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- Seen unbounded: 11 s.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return ("a"):rep(65535):find(".-b") == nil
  end,
}
