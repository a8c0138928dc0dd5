-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- Back-references try many lengths, too.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return ("ab"):rep(2000):find("(.-)%1%1b") == nil
  end,
}
