-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- Seen unbounded: 7 s.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return ("a"):rep(2000):find(".-.-b") == nil
  end,
}
