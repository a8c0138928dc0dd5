-- SPDX-License-Identifier: Apache-2.0
-- Time to notice: no pod is disturbed until the newest one is so old, and all new ones have been ready
-- for so long.
-- Parameters:
--   between  at least so long from one new pod to the next disruption
--   soak     so long all new pods must have been ready
return {
  api = 1,
  name = "gate/soak",
  params = {
    between = { type = "duration", default = "0s", doc = "from one new pod to the next" },
    soak = { type = "duration", default = "10m", doc = "new pods have been ready for so long" },
  },

  gate = function(roll, set)
    local params = set.params
    local wait, why = 0, nil
    local function wish(seconds, reason)
      if seconds > wait then
        wait, why = seconds, reason
      end
    end
    for pod in roll:updated { wanted = true } do
      wish(pod.created + params.between - roll.now, "the newest pod is too young: " .. pod.name)
      if not pod.ready then
        return false, "new pods are not ready: " .. pod.name, 10
      end
      wish(pod.ready_since + params.soak - roll.now, "new pods soak: " .. pod.name)
    end
    if wait > 0 then
      return false, why, wait
    end
    return true
  end,
}
