# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# A policy watches an update by what a Prometheus says: it goes on while the figures are good, waits
# while there are none, and is paused or taken back when they are bad. A snapshot and a recording
# have the figures in them: planning and replaying need no Prometheus.
# shellcheck disable=SC2034 # the harness reads it
PLAYER_FLAGS=(--ready-delay 2s)
. "$(dirname "$0")/../harness.sh"

# A Prometheus of a few lines: what it answers stands in the file `rate`, or for one revision in
# `rate-HASH`; what it was asked goes to the file `queries`.
prometheus()
{
    exec python3 - "$WORK" <<'PYTHON'
import http.server, json, os, re, sys, time, urllib.parse

work = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query).get("query", [""])[0]
        with open(work + "/queries", "a") as log:
            log.write(query + "\n")
        revision = re.search('revision="([^"]*)"', query)
        own = work + "/rate-" + revision.group(1) if revision else ""
        with open(own if os.path.exists(own) else work + "/rate") as f:
            rate = f.read().strip()
        if url.path != "/api/v1/query":
            status, answer = 404, {"status": "error", "errorType": "not_found", "error": "no"}
        elif rate == "down":
            status = 503
            answer = {"status": "error", "errorType": "unavailable", "error": "starting up"}
        else:
            value = {"metric": {"job": "agent"}, "value": [time.time(), rate]}
            status = 200
            answer = {"status": "success", "data": {"resultType": "vector", "result": [value]}}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(work + "/port", "w") as f:
    f.write(str(server.server_address[1]))
server.serve_forever()
PYTHON
}

controller_up()
{
    moonset_up --policy-dir "$policies" --plugin-option "prometheus.url=http://127.0.0.1:$(cat "$WORK/port")" \
        --plugin-option prometheus.keep=0s "$@"
}

annotation() # KEY
{
    k get ds agent -o json | jq -r --arg key "$1" '.metadata.annotations[$key] // ""'
}

count() # IMAGE: pods with it
{
    k get pods -l app=agent -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | grep -cx "$1"
}

events()
{
    k get events --field-selector involvedObject.name=agent -o 'jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}'
}

from_file() # COMMAND…: nobody listens where the kubeconfig says
{
    KUBECONFIG=$WORK/none "$MOONSET" "$@" --snapshot "$WORK/snapshot"
}

held() # what the controller's own words are, after the last change
{
    "$MOONSET" "$1" --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" \
        --plugin-option "prometheus.url=http://127.0.0.1:$(cat "$WORK/port")" "${@:2}"
}

few() # IMAGE: at least one pod has it, and at most three
{
    local n
    n=$(count "$1")
    [ "$n" -ge 1 ] && [ "$n" -le 3 ] || { echo "$n"; return 1; }
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/figures.lua" <<'LUA'
-- Goes on while few requests fail.
return {
  api = 1,
  params = {
    limit = { type = "number", default = 0.05, doc = "share of requests that may fail" },
    on_fail = { type = "string", default = "pause" },
  },
  queries = {
    errors = {
      provider = "prometheus",
      query = 'sum(rate(errors{ns="{{namespace}}", set="{{name}}", revision="{{revision}}"}[1m])) > {{param.limit}} / 1e9',
      every = "5s",
    },
  },
  analyze_failures = 2,
  analyze = function(samples, roll, set)
    local errors = samples.errors
    if errors.error then
      return "wait", errors.error
    elseif roll.counts.updated > 0 and errors.value > set.params.limit then
      return "fail", ("%.2f of the requests fail"):format(errors.value)
    end
    return "pass"
  end,
}
LUA

others=$WORK/others
mkdir -p "$others"
sed 's/1m/2m/' "$policies/figures.lua" >"$others/figures.lua"

echo 0.01 >"$WORK/rate"
background prometheus prometheus
eventually 10 "the fake Prometheus listens" test -s "$WORK/port"
cluster_up n1 n2 n3 n4 n5 n6 n7 n8
controller_up
create_agent
eventually 60 "eight pods" is "8 8 8 8 8" ds_counts agent
k annotate ds agent moonset.dev/policies=figures >/dev/null
sleep 1
check "nobody is asked while nothing is updated" test ! -e "$WORK/queries"

k set image ds/agent c=agent:v2 >/dev/null
eventually 120 "good figures: all pods are new" is "8 8 8 8 8" ds_counts agent
check "eight of them" is 8 count agent:v2
check "the query was filled in" grep -q 'ns="default", set="agent", revision="[a-z0-9]*"}.* > 0.05.* / 1e9' "$WORK/queries"

echo down >"$WORK/rate"
k set image ds/agent c=agent:v3 >/dev/null
eventually 30 "no figures: it waits" has "503: unavailable: starting up" events
check "plan says so" has "wait: http://127.0.0.1" held plan default/agent
check "no pod is new" is 0 count agent:v3
moonset_down
check "a snapshot" held snapshot -o "$WORK/snapshot"
check "says so, too" has "wait: http://127.0.0.1:$(cat "$WORK/port"): HTTP 503: unavailable: starting up" from_file plan
echo 0.01 >"$WORK/rate"
check "another, while the figures are good" held snapshot -o "$WORK/snapshot"
asked=$(wc -l <"$WORK/queries")
check "which would let it go on" is "outdated" sh -c "KUBECONFIG='$WORK/none' '$MOONSET' plan --snapshot '$WORK/snapshot' -o json | jq -r '[.sets[].actions[] | select(.kind == \"Pod\").reason] | first'"
check "to the end" has "settled after" from_file plan --rounds 50
check "a query that the snapshot has not" has "the snapshot has no answer to this query" from_file plan --policy-dir "$others"
check "nobody was asked for that" is "$asked" sh -c "wc -l <'$WORK/queries'"
echo down >"$WORK/rate"
controller_up --record "$WORK/recording"
sleep 2
check "a new process has no figures either" is 0 count agent:v3
echo 0.5 >"$WORK/rate"
eventually 60 "bad figures: paused" has "analysis failed 2 times in a row, the last time: 0.50 of the requests fail" annotation moonset.dev/paused
check "few pods are new" few agent:v3
check "an Event says what was seen" has "Analysis by policy figures failed, 1 of 2: 0.50 of the requests fail" events
check "and one that it is paused" has "UpdatePaused" events
check "explain says why" has "2 times in a row" held explain default/agent
echo 0.001 >"$WORK/rate"
k annotate ds agent moonset.dev/paused- >/dev/null
eventually 120 "lifted, and good again: it goes on" is 8 count agent:v3
eventually 30 "all are there" is "8 8 8 8 8" ds_counts agent

k annotate ds agent 'moonset.dev/params={on_fail: rollback}' >/dev/null
echo 0.5 >"$WORK/rate"
k set image ds/agent c=agent:v4 >/dev/null
eventually 60 "bad figures: taken back" is agent:v3 k get ds agent -o 'jsonpath={.spec.template.spec.containers[0].image}'
check "the set says why" has "0.50 of the requests fail" annotation moonset.dev/rolled-back
eventually 60 "the way back does not wait for figures" is 8 count agent:v3
moonset_down
check "moonset ended well" test $? -eq 0

# The library's: the new pods are compared with the old ones.
echo 0.02 >"$WORK/rate"
controller_up
k annotate --overwrite ds agent moonset.dev/policies=analyze/error-rate \
    'moonset.dev/params={on_fail: rollback, analyze_failures: 1}' moonset.dev/rolled-back- >/dev/null
k set image ds/agent c=agent:v5 >/dev/null
eventually 60 "they are no worse: it goes on" few agent:v5
hash=$(k get pods -l app=agent -o json | jq -r '[.items[] | select(.spec.containers[0].image == "agent:v5")][0].metadata.labels["controller-revision-hash"]')
echo 0.5 >"$WORK/rate-$hash"
eventually 90 "they are: taken back" is agent:v3 k get ds agent -o 'jsonpath={.spec.template.spec.containers[0].image}'
check "and why" has "50.0 % of the requests fail on new pods, 2.0 % on old ones" annotation moonset.dev/rolled-back
moonset_down

rm -f "$WORK/queries"
KUBECONFIG=$WORK/none
check "replayed with its figures: no difference" has "no difference: " "$MOONSET" replay "$WORK/recording"
sed 's/ > set.params.limit then/ > 0.9 then/' "$policies/figures.lua" >"$others/figures.lua"
check "another policy makes less of the same figures" status_is 1 "$MOONSET" replay --policy-dir "$others" "$WORK/recording"
check "without asking anybody" test ! -e "$WORK/queries"
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
