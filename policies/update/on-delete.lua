-- SPDX-License-Identifier: Apache-2.0
-- Update strategy OnDelete: an outdated pod stays until somebody deletes it; its successor is then
-- made from the newest template, like any missing pod. So there is nothing to do here.
-- No parameters.

return {
  api = 1,
  name = "update/on-delete",
  update = function() end,
}
