-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in update
-- A call with one argument more each time: all of them are copied.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local function double(...)
      return double(1, ...)
    end
    return double(1)
  end,
}
