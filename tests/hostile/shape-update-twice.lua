-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in update
-- says: has an action already
-- A wrong answer of update.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    for pod in roll:outdated {} do
      roll:replace(pod, "x")
      roll:replace(pod, "x")
    end
  end,
}
