-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in load
-- Modules that are not there, again and again.
while true do
  pcall(require, "lib.none")
end
