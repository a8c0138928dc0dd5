-- SPDX-License-Identifier: Apache-2.0
-- expect: none in update
-- Every node of a large cluster as the key of a table.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    local seen, n = {}, 0
    for node in roll:missing {} do
      if not seen[node] then
        seen[node] = true
        n = n + 1
      end
      if n == 4000 then
        break
      end
    end
  end,
}
