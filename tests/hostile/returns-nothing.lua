-- SPDX-License-Identifier: Apache-2.0
-- expect: load in load
-- says: a policy returns a table
-- No table.
return nil
