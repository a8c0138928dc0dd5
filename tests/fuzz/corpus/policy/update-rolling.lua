-- SPDX-License-Identifier: Apache-2.0
-- The rolling update of the Kubernetes DaemonSet controller, nodes in order of their names.
-- With maxUnavailable, outdated pods are deleted first and made anew; with maxSurge, the new pod
-- comes first and the old one leaves when the new one is available.
-- No parameters: both limits are in the set's spec.updateStrategy.
--
-- Whatever is recorded here, no more than roll.left available pods are deleted and no more than
-- roll.surge_left available ones are surged: the rest is left out.

-- Delete, then create.
local function replace(roll)
  -- A pod that is not available is no loss: these cost nothing.
  for pod in roll:outdated { wanted = true, paired = false, available = false } do
    roll:replace(pod, "outdated, and not available anyway")
  end
  for pod in roll:outdated { wanted = true, paired = false, available = true, limit = roll.left } do
    roll:replace(pod, "outdated")
  end
end

-- Create, then delete.
local function surge(roll)
  for pod in roll:outdated { paired = true } do
    if pod.partner.available then
      roll:delete(pod, "its successor is available")
    elseif not pod.ready and pod.partner.phase ~= "Failed" then
      -- A failed one is no successor: it goes soon, and the next one may do no better.
      roll:delete(pod, "outdated and not ready; its successor is there")
    end
  end
  for pod in roll:outdated { wanted = true, paired = false, available = false } do
    roll:surge(pod.node, "outdated, and not available anyway")
  end
  for pod in roll:outdated { wanted = true, paired = false, available = true, limit = roll.surge_left } do
    roll:surge(pod.node, "outdated")
  end

  -- Pods on nodes that want none any more ("keep"): outdated ones go, available ones only while
  -- more pods are available than are desired. What is on a node that nobody knows is left to the
  -- pod garbage collector.
  local beyond = roll.available - roll.desired
  for pod in roll:outdated { wanted = false, paired = false } do
    if pod.node and (not pod.available or beyond > 0) then
      beyond = beyond - (pod.available and 1 or 0)
      roll:delete(pod, "outdated, and the node wants none")
    end
  end
end

return {
  api = 1,
  name = "update/rolling",

  update = function(roll)
    if roll.max_surge > 0 then
      surge(roll)
    else
      replace(roll)
    end
  end,
}
