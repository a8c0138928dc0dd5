-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- Many lines of the log.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    while true do
      moonset.log.debug(("x"):rep(2000))
    end
  end,
}
