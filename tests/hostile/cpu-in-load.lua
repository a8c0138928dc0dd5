-- SPDX-License-Identifier: Apache-2.0
-- expect: budget in load
-- says: stopped after
-- The loop is in the chunk, not in a hook.
while true do
end
