-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in on_event
-- says: read-only
-- What has happened cannot be changed.
return {
  api = 1,
  events = { "pod_failed" },
  on_event = function(event, set)
    if not set.labels.bad then
      return
    end
    event.type = "pod_ready"
  end,
}
