-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- A very long text.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    error(("x"):rep(50000))
  end,
}
