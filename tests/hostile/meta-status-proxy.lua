-- SPDX-License-Identifier: Apache-2.0
-- expect: none in status
-- A table that lies about what is in it.
return {
  api = 1,
  status = function(_, set)
    if not set.labels.bad then
      return
    end
    return setmetatable({}, {
      __index = function()
        return ("x"):rep(60000)
      end,
      __len = function()
        return 1 << 60
      end,
    })
  end,
}
