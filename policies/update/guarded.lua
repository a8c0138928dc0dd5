-- SPDX-License-Identifier: Apache-2.0
-- A rolling update that stops, or goes back, when new pods restart or do not become ready in time.
-- The order and the budget are those of the set's strategy.
-- Parameters:
--   restarts      so many restarts are fine
--   ready_within  how long a new pod may take to become ready
--   failures      so many bad pods end the update
--   action        "pause" or "rollback"
local rolling = require("update.rolling")

local function complaint(pod, roll, params)
  if pod.health == "failed" or pod.phase == "Failed" then
    return pod.reason or "failed"
  end
  if not pod.ready and roll.now - pod.created > params.ready_within then
    return "not ready for " .. (roll.now - pod.created) .. " s"
  end
end

local function stop(roll, params, count, example)
  local why = count .. " new pods are bad; " .. example
  if params.action == "rollback" and not roll.rolled_back and roll.previous_revision ~= "" then
    roll:rollback(why)
  else
    roll:pause(why)
  end
end

return {
  api = 1,
  name = "update/guarded",
  params = {
    restarts = { type = "integer", default = 2, doc = "restarts of a new pod that are fine" },
    ready_within = { type = "duration", default = "5m", doc = "a new pod is ready by then" },
    failures = { type = "integer", default = 1, doc = "so many bad pods end the update" },
    action = {
      type = "string",
      one_of = { "pause", "rollback" },
      default = "pause",
      doc = "what then",
    },
  },

  health = function(pod, set)
    if pod.restarts > set.params.restarts then
      return "failed", pod.restarts .. " restarts"
    end
    return "ready"
  end,

  update = function(roll, set)
    local bad, example = 0, nil
    for pod in roll:updated { wanted = true } do
      local why = complaint(pod, roll, set.params)
      if why then
        bad = bad + 1
        example = example or (pod.name .. " on " .. (pod.node_name or "no node") .. ": " .. why)
      end
    end
    if bad >= set.params.failures then
      stop(roll, set.params, bad, example)
    else
      rolling.update(roll, set)
    end
  end,
}
