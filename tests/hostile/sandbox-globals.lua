-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: cannot assign to global
-- There are no globals.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    evil = 1
  end,
}
