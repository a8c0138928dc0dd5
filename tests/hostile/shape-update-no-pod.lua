-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in update
-- says: wants a pod
-- A wrong answer of update.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    roll:replace("n1", "x")
  end,
}
