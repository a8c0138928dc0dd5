-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is not available
-- Code cannot be made at run time.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return load("return true")()
  end,
}
