-- SPDX-License-Identifier: Apache-2.0
-- expect: shape in update
-- says: wants a reason
-- A wrong answer of update.
return {
  api = 1,
  update = function(roll, set)
    if not set.labels.bad then
      return
    end
    for pod in roll:outdated {} do
      roll:replace(pod)
    end
  end,
}
