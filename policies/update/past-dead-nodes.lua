-- SPDX-License-Identifier: Apache-2.0
-- A rolling update that dead nodes do not stop. The stock one counts a node whose kubelet is silent
-- as unavailable, so that a few of them use up maxUnavailable and nothing moves any more. Here they
-- do not count, and their own pods are left alone until the nodes are back.
-- It goes beyond the limit moonset keeps, so the set must say moonset.dev/budget-owner: policy.
-- Parameters: after (default "5m"), at_most (default "10%").
return {
  api = 1,
  name = "update/past-dead-nodes",
  params = {
    after = { type = "duration", default = "5m", doc = "who is silent for so long is dead" },
    at_most = {
      type = "intstr",
      default = "10%",
      -- When half of them are silent, it may be us who are cut off.
      doc = "no more than so many nodes do not count",
    },
  },

  update = function(roll, set)
    if roll.max_surge > 0 then
      error("update/past-dead-nodes is for maxUnavailable, not for maxSurge", 0)
    end
    local function is_dead(node)
      local ready = node and node.conditions.Ready
      return ready and ready.status == "Unknown" and ready.since
        and roll.now - ready.since >= set.params.after
    end

    local dead = 0
    for node in roll:missing {} do
      dead = dead + (is_dead(node) and 1 or 0)
    end
    for pod in roll:updated { wanted = true, available = false } do
      dead = dead + (is_dead(pod.node) and 1 or 0)
    end
    for pod in roll:outdated { wanted = true, paired = false, available = false } do
      if is_dead(pod.node) then
        dead = dead + 1
      else
        roll:replace(pod, "outdated, and not available anyway")
      end
    end

    local passed = math.min(dead, moonset.intstr(set.params.at_most, roll.desired, "up"))
    local left = roll.max_unavailable - (roll.unavailable - passed)
    for pod in roll:outdated { wanted = true, paired = false, available = true, limit = left } do
      roll:replace(pod, "outdated")
    end
  end,
}
