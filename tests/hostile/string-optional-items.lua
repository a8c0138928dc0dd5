-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- n optional items are tried in 2^n ways.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return ("a"):rep(40):find(("a?"):rep(40) .. ("a"):rep(40)) == nil
  end,
}
