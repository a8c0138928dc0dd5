-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- says: stopped
-- pcall does not catch running out of memory either.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local keep = {}
    while true do
      pcall(function()
        for i = 1, 1000 do
          keep[#keep + 1] = { i, 2, 3, 4, 5, 6, 7, 8 }
        end
      end)
    end
  end,
}
