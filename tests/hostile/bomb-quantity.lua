-- SPDX-License-Identifier: Apache-2.0
-- expect: none in select
-- Quantities at the end of their range.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local q = moonset.quantity("9E")
    for _ = 1, 200 do
      q = q * math.maxinteger + q - q * math.mininteger
    end
    return q:units() == math.maxinteger and (q / math.maxinteger):milli() ~= nil
  end,
}
