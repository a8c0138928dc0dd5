-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in gate
-- says: stopped after
-- A point of time that never comes, asked again and again.
return {
  api = 1,
  gate = function(_, set)
    while set.labels.bad do
      moonset.time.cron("* * 30 2 *", "UTC"):next(0)
    end
    return true
  end,
}
