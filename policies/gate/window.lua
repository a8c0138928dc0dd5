-- SPDX-License-Identifier: Apache-2.0
-- Pods are disturbed in maintenance windows only, and never during a freeze.
-- Parameters:
--   windows  such as "Mon-Fri 22:00-05:00; Sat,Sun"
--   freeze   such as "2026-12-20..2027-01-02"; none without
--   zone     a time zone's name
return {
  api = 1,
  name = "gate/window",
  params = {
    windows = { type = "string", required = true, doc = "when pods may be disturbed" },
    freeze = { type = "string", default = "", doc = "when they may not, whatever the windows say" },
    zone = { type = "string", default = "UTC", doc = "time zone of both" },
  },

  gate = function(roll, set)
    local params = set.params
    if params.freeze ~= "" then
      local freeze = moonset.time.window(params.freeze, params.zone)
      if freeze:is_open(roll.now) then
        return false, "freeze: " .. params.freeze, freeze:closes_in(roll.now)
      end
    end
    local windows = moonset.time.window(params.windows, params.zone)
    if windows:is_open(roll.now) then
      return true
    end
    return false, "outside of " .. params.windows .. " " .. params.zone, windows:opens_in(roll.now)
  end,
}
