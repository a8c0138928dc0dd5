-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- Numbers with 60,000 digits.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local digits = ("9"):rep(60000)
    local sum = 0
    for _ = 1, 20 do
      sum = sum + (tonumber("0." .. digits) or 0) + (tonumber(digits .. "e-60000") or 0)
    end
    return sum > 0
  end,
}
