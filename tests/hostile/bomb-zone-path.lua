-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: no time zone
-- A zone that is a path.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.time.window("Mon", "../../../etc/passwd"):is_open(0)
  end,
}
