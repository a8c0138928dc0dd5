-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: not available
-- %p would tell addresses.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return true, string.format("%p", {})
  end,
}
