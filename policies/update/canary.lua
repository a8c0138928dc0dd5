-- SPDX-License-Identifier: Apache-2.0
-- A canary that stays one: a new template runs on chosen nodes only, until somebody promotes it.
-- All other nodes keep the stable revision: new nodes and restarted pods get it, too, and a node that
-- is taken out of the canary goes back to it. The update strategy of the set rolls what is outdated.
-- Parameters:
--   canary    which nodes try a new template first (a selector of node labels)
--   promoted  the revision (its hash, as `kubectl get pods -L controller-revision-hash` shows it) that
--             may run everywhere; the next template is a canary again
return {
  api = 1,
  name = "update/canary",
  params = {
    canary = {
      type = "selector",
      default = "moonset.dev/canary=true",
      doc = "nodes that try a new template first",
    },
    promoted = { type = "string", default = "", doc = "hash of the revision that may run everywhere" },
  },

  mutate = function(pod, node, set)
    if set.revision ~= set.params.promoted and not moonset.selector(set.params.canary):matches(node) then
      pod:revision("stable")
    end
  end,
}
