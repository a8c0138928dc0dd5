-- SPDX-License-Identifier: Apache-2.0
-- expect: memory in select
-- A text put in the place of every character of another.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    return true, (("a"):rep(65000):gsub("", ("b"):rep(65000)))
  end,
}
