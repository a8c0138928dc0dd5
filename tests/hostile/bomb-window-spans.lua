-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in gate
-- says: stopped after
-- Spans that follow each other without an end, asked when the last one ends.
return {
  api = 1,
  gate = function(roll, set)
    local spans = {}
    for i = 0, 30 do
      spans[#spans + 1] = ("%02d:00-%02d:00"):format(i % 24, (i + 1) % 24)
    end
    local window = moonset.time.window(table.concat(spans, "; "))
    while set.labels.bad do
      window:closes_in(1800000000 + roll.now)
    end
    return true
  end,
}
