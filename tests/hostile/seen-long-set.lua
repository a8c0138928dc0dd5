-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: longer than 256 bytes
-- Seen unbounded: a set of 4,000 characters, 10 s.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return ("a"):rep(65536):find("[" .. ("b"):rep(4000) .. "]-c") == nil
  end,
}
