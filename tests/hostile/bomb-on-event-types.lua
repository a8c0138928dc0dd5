-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: unknown event
-- Ever more kinds of events.
local events = {}
for i = 1, 100000 do
  events[i] = "pod_faild"
end
return {
  api = 1,
  events = events,
  on_event = function()
  end,
}
