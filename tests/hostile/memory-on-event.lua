-- SPDX-License-Identifier: Apache-2.0
-- expect: memory/budget in on_event
-- Too much in on_event.
return {
  api = 1,
  events = { "pod_failed" },
  on_event = function(_, set)
    if not set.labels.bad then
      return
    end
    local all = {}
    while true do
      all[#all + 1] = { #all }
    end
  end,
}
