-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: more than 32 spans
-- A window text of 60 KB.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.time.window(("Mon-Fri 10:00-11:00;"):rep(3000)):is_open(0)
  end,
}
