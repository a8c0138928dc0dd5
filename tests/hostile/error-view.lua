-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- A view.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    error(node)
  end,
}
