-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- An error that is nothing.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    error(nil)
  end,
}
