-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in update
-- says: stopped
-- Many texts.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local text, t = ("x"):rep(60000), {}
    for i = 1, 1e9 do
      t[i] = text .. i
    end
  end,
}
