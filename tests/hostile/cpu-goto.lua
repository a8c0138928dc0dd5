-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- A loop of goto alone.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    ::again::
    goto again
  end,
}
