-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is pure
-- What is kept must not depend on what is remembered.
return {
  api = 1,
  select = function(_, set)
    if not set.labels.bad then
      return true
    end
    moonset.kv.set("a", 1)
    return true
  end,
}
