-- SPDX-License-Identifier: Apache-2.0
-- Nothing is disturbed for a new template until a person has approved it, but for the first few pods:
--   kubectl annotate ds NAME --overwrite moonset.dev/approved-revision=HASH
-- The hash is in the reason, which `moonset explain` and the Event UpdateHeld tell.
-- Parameters:
--   free  while fewer nodes than these are updated nobody is asked; maxUnavailable says how many go at once
return {
  api = 1,
  name = "gate/approval",
  params = {
    free = { type = "intstr", default = 0, doc = "nodes that are updated without approval" },
  },

  gate = function(roll, set)
    if set.annotations["moonset.dev/approved-revision"] == roll.revision then
      return true
    end
    local free = moonset.intstr(set.params.free, roll.desired, "down")
    local begun = roll:count { state = "updated", wanted = true } + roll.counts.missing
    if begun < free then
      return true
    end
    return false, "revision " .. roll.revision .. " waits for moonset.dev/approved-revision", 300
  end,
}
