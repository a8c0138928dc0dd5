-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in on_event
-- says: the seconds until
-- A wrong answer of on_event.
return {
  api = 1,
  events = { "pod_failed" },
  on_event = function(_, set)
    if not set.labels.bad then
      return
    end
    return -1
  end,
}
