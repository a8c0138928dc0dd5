-- SPDX-License-Identifier: Apache-2.0
-- A node is emptied before its daemon is replaced, and given back when the new one is available: for
-- daemons under which nothing may run meanwhile (a mesh's proxy, a driver, a storage client).
-- Nodes that somebody else has cordoned wait until they are uncordoned, or (cordoned = "replace")
-- have their daemon replaced as they are. A drain that takes too long is given up: the node is given
-- back as it was, and tried again later. Needs the rights of examples/addon/drain.yaml.
-- Parameters:
--   parallel    so many nodes at a time (and no more than maxUnavailable)
--   unmanaged   pods without a controller may go (kubectl drain --force)
--   local_data  pods with an emptyDir may go (kubectl drain --delete-emptydir-data)
--   grace       how long pods have to end; 0: what they say themselves
--   timeout     a drain that takes longer is given up
--   retry       and tried again after so long
--   cordoned    "wait" or "replace"
local function options(params)
  return {
    unmanaged = params.unmanaged,
    local_data = params.local_data,
    grace = params.grace > 0 and params.grace or nil,
  }
end

-- When drains were given up, by node; without those that may be tried again.
local function given_up(roll, params)
  local nodes = {}
  for node, at in pairs(moonset.kv.get("given_up") or {}) do
    if roll.now - at < params.retry then
      nodes[node] = at
    end
  end
  return nodes
end

local function is_late(node, roll, params)
  return node.drain == "draining"
    and node.drain_since
    and roll.now - node.drain_since >= params.timeout
end

local function give_up(node, roll, late)
  local why = "not drained after " .. (roll.now - node.drain_since) .. " s"
  if node.drain_waits_for then
    why = why .. ": " .. node.drain_waits_for
  end
  roll:uncordon(node, why)
  moonset.event("Warning", "DrainGivenUp", node.name .. ": " .. why)
  late[node.name] = roll.now
end

-- One step on a node that is held. True: it still is.
local function go_on(node, roll, params, late)
  local pod = node.pod
  if node.drain == "lifted" then
    return false
  elseif pod and pod.available and not pod.outdated then
    roll:uncordon(node, "its daemon is new")
  elseif pod and pod.outdated and is_late(node, roll, params) then
    give_up(node, roll, late)
  elseif not (pod and pod.outdated and node.drain == "drained")
    or not roll:replace(pod, "its node is drained") then
    roll:drain(node, "until its daemon is new", options(params))
  end
  return true
end

return {
  api = 1,
  name = "update/drain",
  params = {
    parallel = { type = "intstr", default = 1, doc = "so many nodes at a time" },
    unmanaged = { type = "boolean", default = false, doc = "pods without a controller may go" },
    local_data = { type = "boolean", default = false, doc = "pods with an emptyDir may go" },
    grace = { type = "duration", default = "0s", doc = "how long pods have to end; 0: their own" },
    timeout = { type = "duration", default = "30m", doc = "a drain that takes longer is given up" },
    retry = { type = "duration", default = "2h", doc = "and tried again after so long" },
    cordoned = {
      type = "string",
      one_of = { "wait", "replace" },
      default = "wait",
      doc = "what becomes of nodes that somebody else has cordoned",
    },
  },

  update = function(roll, set)
    local params, late = set.params, given_up(roll, set.params)
    local left = moonset.intstr(params.parallel, roll.desired, "up")
    for node in roll:draining {} do
      left = left - (go_on(node, roll, params, late) and 1 or 0)
    end
    for pod in roll:outdated { wanted = true, paired = false } do
      local node = pod.node
      if node.unschedulable and not node.drain and params.cordoned == "replace" then
        roll:replace(pod, "outdated, and its node is cordoned by somebody else")
      elseif late[node.name] then
        roll:again(60, node.name .. ": its drain was given up")
      elseif not node.drain and not node.ready then
        roll:again(60, node.name .. " is not ready")
      elseif not node.drain and left > 0 then
        local ok, why = roll:drain(node, "next", options(params))
        left = left - (ok and 1 or 0)
        if not ok then
          roll:again(60, node.name .. ": " .. why)
        end
      end
    end
    moonset.kv.set("given_up", next(late) and late or nil)
  end,
}
