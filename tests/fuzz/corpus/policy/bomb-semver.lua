-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: is no version
-- Numbers beyond all versions.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return moonset.semver.satisfies("1.9223372036854775807.0", "~1.9223372036854775807 ^9223372036854775807")
  end,
}
