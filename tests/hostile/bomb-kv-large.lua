-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in gate
-- says: moonset.kv
-- More than may be remembered.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    moonset.kv.set("a", ("x"):rep(60000))
    return true
  end,
}
