-- SPDX-License-Identifier: Apache-2.0
-- A first installation that does not pull its image on all nodes at once: only so many pods are on
-- their way at a time, also on an old cluster with thousands of nodes. With stop = true none is made
-- (a freeze, also of new nodes). Updates are those of the set's rolling strategy.
-- Parameters:
--   at_once  how many nodes may be starting the daemon at a time
--   stop     make none for now
local rolling = require("update.rolling")

return {
  api = 1,
  name = "update/first-install",
  params = {
    at_once = { type = "intstr", default = "5%", doc = "pods on their way at a time" },
    stop = { type = "boolean", default = false, doc = "make none for now" },
  },
  creates = true,

  update = function(roll, set)
    local most = math.max(1, moonset.intstr(set.params.at_once, roll.desired, "down"))
    local busy = roll.counts.creating
      + roll:count { state = "updated", wanted = true, available = false }
    local limit = set.params.stop and 0 or math.max(0, most - busy)
    for node in roll:missing { waiting = true, limit = limit } do
      roll:create(node, "one of " .. most .. " at a time")
    end
    rolling.update(roll, set)
  end,
}
