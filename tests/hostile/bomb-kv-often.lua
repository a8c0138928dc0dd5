-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in gate
-- says: stopped
-- The same key without end.
return {
  api = 1,
  gate = function(_, set)
    if not set.labels.bad then
      return true
    end
    while true do
      moonset.kv.set("a", moonset.kv.get("a") or ("x"):rep(4000))
    end
  end,
}
