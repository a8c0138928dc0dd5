-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped
-- Long texts, hashed again and again.
return {
  api = 1,
  select = function(_, set)
    if not set.labels.bad then
      return true
    end
    local long = ("x"):rep(65000)
    while true do
      moonset.hash(long)
      moonset.bucket(long, long, 7)
    end
  end,
}
