-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in update
-- says: only outdated pods
-- A wrong answer of update.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    for pod in roll:updated {} do
      roll:delete(pod, "x")
    end
  end,
}
