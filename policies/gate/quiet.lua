-- SPDX-License-Identifier: Apache-2.0
-- After a new pod has failed or restarted nothing more is disturbed until it has been quiet for a
-- while; then the update goes on by itself. Pods of an older template do not count: they may be the
-- reason for the update. For a pause that a person ends see update/guarded.
-- Parameters:
--   quiet     for so long no new pod may have failed or restarted
--   failures  so many within that time are let pass
return {
  api = 1,
  name = "gate/quiet",
  params = {
    quiet = { type = "duration", default = "10m", doc = "how long nothing may have happened" },
    failures = { type = "integer", default = 0, doc = "so many are let pass" },
  },
  events = { "pod_failed", "pod_restarted" },

  -- A pod that was replaced since is not there any more when `gate` is asked: so it is remembered.
  on_event = function(event, set)
    if event.pod.revision ~= set.revision then
      return
    end
    local times = moonset.list.filter(moonset.kv.get("times") or {}, function(at)
      return event.at - at < set.params.quiet
    end)
    times[#times + 1] = event.at
    while #times > set.params.failures + 1 do
      table.remove(times, 1)
    end
    moonset.kv.set("times", times)
    moonset.kv.set("last", { pod = event.pod.name, what = event.type:match("_(.*)") })
  end,

  gate = function(roll, set)
    local times = moonset.kv.get("times") or {}
    local oldest = times[#times - set.params.failures]
    local left = oldest and oldest + set.params.quiet - roll.now or 0
    if left <= 0 then
      return true
    end
    local last = moonset.kv.get("last")
    return false, ("pod %s has %s; quiet is waited for"):format(last.pod, last.what), left
  end,
}
