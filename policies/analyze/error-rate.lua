-- SPDX-License-Identifier: Apache-2.0
-- Prometheus decides whether an update goes on: the share of failed requests on the new pods, and on
-- the old ones. It fails when the new pods are worse than a limit, and worse than the old ones.
-- The metrics need the label `revision` with the pods' controller-revision-hash, and `namespace`.
-- Parameters:
--   failed, total  names of two counters: failed requests, all requests
--   limit          such a share of failed requests is fine
--   on_fail        "pause" or "rollback"; analyze_failures: after so many in a row
local share = [[sum(rate({__name__="{{param.failed}}",namespace="{{namespace}}",revision="{{%s}}"}[2m]))
  / sum(rate({__name__="{{param.total}}",namespace="{{namespace}}",revision="{{%s}}"}[2m]))]]

local function query(which)
  return { provider = "prometheus", query = share:format(which, which), every = "30s" }
end

return {
  api = 1,
  name = "analyze/error-rate",
  params = {
    failed = { type = "string", default = "http_requests_failed_total", doc = "counter of failures" },
    total = { type = "string", default = "http_requests_total", doc = "counter of all requests" },
    limit = { type = "number", default = 0.01, doc = "a share of failures that is fine" },
    on_fail = {
      type = "string",
      one_of = { "pause", "rollback" },
      default = "pause",
      doc = "what then",
    },
    analyze_failures = { type = "integer", default = 3, doc = "after so many in a row" },
  },
  queries = { new = query("revision"), old = query("previous_revision") },

  analyze = function(samples, roll, set)
    if roll.counts.updated == 0 then
      return "pass", "no pod is new yet"
    end
    if samples.new.error then
      return "wait", samples.new.error
    end
    local new, old = samples.new.value, samples.old.value or 0
    if new > set.params.limit and new > old then
      local text = "%.1f %% of the requests fail on new pods, %.1f %% on old ones"
      return "fail", text:format(100 * new, 100 * old)
    end
    return "pass"
  end,
}
