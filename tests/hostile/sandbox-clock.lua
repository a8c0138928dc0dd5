-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is not available
-- There is no clock.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return os.time() > 0
  end,
}
