-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- says: stopped after
-- Patterns that are none, again and again.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    local bad = { "[", "%", "(", "%b", "[^", "%f", "(()", "[a-" }
    while true do
      for _, pattern in ipairs(bad) do
        pcall(string.find, "text", pattern)
      end
    end
  end,
}
