-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: only while the policy is loaded
-- Modules are read while the policy is loaded.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return require("lib.loop")
  end,
}
