-- SPDX-License-Identifier: Apache-2.0
-- expect: runtime in select
-- Bytes that are no text.
return {
  api = 1,
  select = function(node, set)
    if not set.labels.bad then
      return true
    end
    error("\xff\xfe\0\x80" .. ("\xc3"):rep(2000))
  end,
}
