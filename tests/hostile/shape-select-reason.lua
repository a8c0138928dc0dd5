-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in select
-- says: as reason
-- A wrong answer of select.
return {
  api = 1,
  select = function(_, set)
    if not set.labels.bad then
      return true
    end
    return true, {}
  end,
}
