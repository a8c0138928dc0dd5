-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- A long range, a long pre-release.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local range = (">=1.2-a.b.c "):rep(5000)
    local version = "1.2.3-" .. ("a."):rep(30000) .. "a"
    while true do
      moonset.semver.satisfies(version, range)
    end
  end,
}
