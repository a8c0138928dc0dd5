-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: too long together
-- Too long together.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.glob(("*a"):rep(30000), ("a"):rep(60000))
  end,
}
