-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in select
-- Loading takes most of what it may take, and each stop of a hook makes it load again.
for _ = 1, 1000000 do
end
return {
  api = 1,
  select = function(_, set)
    while set.labels.bad do
    end
    return true
  end,
}
