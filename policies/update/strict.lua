-- SPDX-License-Identifier: Apache-2.0
-- A rolling update in which maxUnavailable is a true upper bound. The stock one replaces every outdated
-- pod that is not available at once, however many: it takes them for lost anyway. If they are merely
-- slow (all nodes restart, the network is away), the whole fleet restarts together. Here such a pod
-- goes first, but it takes a place like any other.
-- No parameters; for maxUnavailable, not for maxSurge.
return {
  api = 1,
  name = "update/strict",

  update = function(roll)
    if roll.max_surge > 0 then
      error("update/strict is for maxUnavailable, not for maxSurge", 0)
    end
    local busy = roll.counts.missing
      + roll:count { state = "updated", wanted = true, available = false }
    local left = roll.max_unavailable - busy
    for pod in roll:outdated { wanted = true, paired = false, available = false, limit = left } do
      roll:replace(pod, "outdated and not available: one of " .. roll.max_unavailable)
      left = left - 1
    end
    left = math.min(left, roll.left)
    for pod in roll:outdated { wanted = true, paired = false, available = true, limit = left } do
      roll:replace(pod, "outdated")
    end
  end,
}
