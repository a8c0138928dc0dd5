-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in on_event
-- says: stopped
-- The same in on_event.
return {
  api = 1,
  events = { "pod_failed" },
  on_event = function(_, set)
    if not set.labels.bad then
      return
    end
    while true do
    end
  end,
}
