-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: between 1970 and 9999
-- The end of time.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.time.cron("* * * * *"):next(math.maxinteger) == nil
  end,
}
