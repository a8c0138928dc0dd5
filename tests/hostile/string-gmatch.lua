-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- says: could take too long
-- gmatch starts at each place of the text.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    for _ in ("a"):rep(65000):gmatch(".-b") do
    end
  end,
}
