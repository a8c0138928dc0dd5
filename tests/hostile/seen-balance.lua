-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- Seen unbounded: %b() on 64 KB of "(".
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return ("("):rep(65536):find("%b()") == nil
  end,
}
