-- SPDX-License-Identifier: Apache-2.0
-- What a cordoned node means for its daemon. The stock answer is "nothing"; some want it gone, some
-- want it kept but not made anew.
-- Parameters:
--   wish  "leave" (no pod there), "keep" (none is made, none removed) or "run" (as if it were not)
return {
  api = 1,
  name = "node-selection/cordoned",
  params = {
    wish = {
      type = "string",
      one_of = { "leave", "keep", "run" },
      default = "keep",
      doc = "what is to become of its pod",
    },
  },

  select = function(node, set)
    local wish = set.params.wish
    if not node.unschedulable or wish == "run" then
      return true
    end
    if wish == "leave" then
      return false, "the node is cordoned"
    end
    return "keep", "the node is cordoned"
  end,
}
