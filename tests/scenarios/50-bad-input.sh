# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# What a user sees when something outside is wrong: settings, servers, credentials, answers, sets,
# policies, disks. Each time: the message says what and where, nothing is lost, and it goes on by
# itself as soon as the trouble is over.
. "$(dirname "$0")/../harness.sh"
. "$(dirname "$0")/../faults.sh"

# ---- helpers ----

# refuses STATUS TEXT FLAG…: moonset does not even start.
refuses()
{
    local want=$1 text=$2 out
    shift 2
    out=$(timeout 10 "$MOONSET" run "$@" 2>&1)
    local got=$?
    [ "$got" -eq "$want" ] || { echo "ended with $got: $out"; return 1; }
    has "$text" echo "$out"
}

# start [FLAG…]: moonset behind the proxy, with a log of its own each time.
start()
{
    log=$WORK/moonset-$((++RUNS)).log
    background "moonset-$RUNS" "$MOONSET" run --kubeconfig "$WORK/proxied" --leader-elect=false \
        --listen 127.0.0.1:0 "$@"
    MOONSET_PID=$LAST_PID
}

stop()
{
    moonset_down
    local status=$?
    [ "$status" -eq 0 ] || not_ok "moonset ended with $status"
}

ready()
{
    curl -s --noproxy '*' --max-time 5 -f "http://$(sed -n 's/.*topic=admin.* addr=//p' "$log")/readyz"
}

said()
{
    grep -F "$1" "$log"
}

# live_pods: uid and name of those that are not going.
live_pods()
{
    k get pods -l app=agent -o go-template='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.uid}} {{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

uids()
{
    live_pods | cut -d' ' -f1 | sort | tr '\n' ' '
}

all_ready()
{
    is "$NODES $NODES $NODES $NODES $NODES" ds_counts agent
}

# lose_pod: one goes…
lose_pod()
{
    local pod
    read -r LOST pod < <(live_pods | head -1)
    k delete pod "$pod" --wait=false >/dev/null
}

# …and another has come: as many as nodes, and all ready.
replaced()
{
    local now
    now=$(uids)
    [[ $now != *$LOST* ]] && [ "$(wc -w <<<"$now")" -eq "$NODES" ] && all_ready ||
        { k get pods -o wide; return 1; }
}

event_of_agent()
{
    k get events --field-selector involvedObject.name=agent,type=Warning \
        -o jsonpath='{range .items[*]}{.reason}: {.message}{"\n"}{end}'
}

annotate()
{
    k annotate ds agent --overwrite "$@" >/dev/null
}

generation() # PATH
{
    k get ds agent -o "jsonpath={.$1}"
}

# ---- what is wrong before it starts ----

bombs()
{
    local i
    echo 'a0: &a0 lol'
    for i in 1 2 3 4 5 6 7 8 9; do
        echo "a$i: &a$i [$(printf "*a$((i - 1)),%.0s" 1 2 3 4 5 6 7 8 9 10)]"
    done
}

settings_on_disk()
{
    printf 'namespace: a\npolicy-dir:\n\t- x\n' >"$WORK/tabs.yaml"
    printf 'namespace: a\nlisten: ":1"\nnamespace: b\n' >"$WORK/twice.yaml"
    bombs >"$WORK/bomb.yaml"
    check "a tab in --config" refuses 2 "tabs.yaml:3:1: found a tab" --config "$WORK/tabs.yaml"
    check "a key twice in --config" refuses 2 "twice.yaml:3:1: duplicate key" --config "$WORK/twice.yaml"
    check "an alias bomb in --config" refuses 2 "too many nodes (aliases included)" --config "$WORK/bomb.yaml"
    check "a policy folder that is not there" refuses 2 "--policy-dir $WORK/none: No such file" --policy-dir "$WORK/none"
    check "a kubeconfig that is not there" refuses 1 "kubeconfig: read $WORK/none: no such file" --kubeconfig "$WORK/none"
}

# An empty folder of plugins would be fine, so the first that is refused ends the start.
plugins_on_disk()
{
    local modules=${MOONSET%/*}/tests/unit/host/modules dir=$WORK/plugins
    mkdir -m 755 "$dir"
    install -m 644 "$modules/other_abi.so" "$dir/a.so"
    check "a plugin of another ABI" refuses 1 "plugin $dir/a.so: built for ABI 0.77, this moonset has" \
        --kubeconfig "$KUBECONFIG" --listen "" --plugin-dir "$dir"
    install -m 666 "$modules/right.so" "$dir/a.so"
    check "a plugin that others can write" refuses 1 "is writable by group or others (mode 666); chmod go-w it" \
        --kubeconfig "$KUBECONFIG" --listen "" --plugin-dir "$dir"
}

# ---- servers ----

server_that_comes_later()
{
    start
    eventually 10 "nobody listens: told with the address" said "GET http://$PROXY/api/v1/nodes: Failed to connect"
    check "not ready" status_is 22 ready # an HTTP error
    proxy_up "$PROXY"
    eventually 15 "the server comes: moonset connects by itself" ready
}

# By hand, what kubectl writes: numbers that no double holds, and a NUL.
numbers_and_nuls()
{
    k create -f - >/dev/null <<'JSON'
{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"agent"},"spec":{
 "selector":{"matchLabels":{"app":"agent"}},"updateStrategy":{"rollingUpdate":{"maxUnavailable":"100%"}},
 "template":{"metadata":{"labels":{"app":"agent"},"annotations":{"nul":"a\u0000b"}},"spec":{
  "tolerations":[{"key":"big","operator":"Exists","effect":"NoExecute","tolerationSeconds":9007199254740993}],
  "containers":[{"name":"c","image":"agent","env":[{"name":"NUL","value":"\u0000"}]}]}}}}
JSON
    eventually 20 "two pods" all_ready
    local pods
    pods=$(k get --raw '/api/v1/namespaces/default/pods?labelSelector=app%3Dagent')
    check "a number beyond 2^53 arrives as it was written" is 2 grep -oc . <(grep -o '"tolerationSeconds":9007199254740993' <<<"$pods")
    check "NULs in annotations" is 2 grep -oc . <(grep -oF '"nul":"a\u0000b"' <<<"$pods")
    check "NULs in the spec" is 2 grep -oc . <(grep -oF '{"name":"NUL","value":"\u0000"}' <<<"$pods")
}

# One fault for each of the four watches at a time: they have their own pace.
watches()
{
    local before fault_and_text
    start
    eventually 10 "in good order first" ready
    before=$(uids)
    for fault_and_text in "$@"; do
        fault "${fault_and_text%%:*}"
    done
    for fault_and_text in "$@"; do
        eventually 10 "${fault_and_text%%:*}: told" said "${fault_and_text#*: }"
    done
    check "nothing is lost" is "$before" uids
    fault none
    add_node "n$((++NODES))"
    lose_pod
    k patch ds agent -p '{"spec":{"revisionHistoryLimit":'"$RUNS"'}}' >/dev/null
    eventually 15 "all watches work again" replaced
    eventually 15 "the set's, too" is "$(generation metadata.generation)" generation status.observedGeneration
    stop
}

bad_answers_to_watches()
{
    watches "forbidden watch pods: watch pods: pods is forbidden: User" \
        "redirect watch nodes: watch nodes: HTTP 302: redirected to https://login.example/start; redirects are not followed" \
        "truncated watch daemonsets: watch daemonsets.apps: it ended in the middle of an event" \
        "html watch controllerrevisions: watch controllerrevisions.apps: the answer is HTML, not JSON"
    check "no secret of the redirect's query" lacks secret=1 cat "$log"
    watches "long-line watch pods: watch pods: a watch event is larger than 4195328 bytes" \
        "missing watch nodes: watch nodes: HTTP 404: 404 page not found (is this an API server that has this resource?)"
}

bad_answers_to_lists()
{
    local before
    before=$(uids)
    fault truncated list pods
    fault html list nodes
    fault redirect list daemonsets
    fault forbidden list controllerrevisions
    start
    eventually 10 "half a list" said 'list pods: list: cut off inside \"items\"'
    eventually 10 "a login page" said "list nodes: the answer is HTML, not JSON"
    eventually 10 "a redirect" said "list daemonsets.apps: HTTP 302: redirected to https://login.example/start"
    eventually 10 "403" said "list controllerrevisions.apps: controllerrevisions is forbidden"
    check "not ready" status_is 22 ready # an HTTP error
    lose_pod
    check "nothing is done in doubt" lacks "created pod" cat "$log"
    fault none
    eventually 15 "good answers: it works" replaced
    stop
}

bad_answers_to_writes()
{
    start
    eventually 10 "in good order first" ready
    fault forbidden POST pods
    lose_pod
    eventually 10 "403 on one verb: told with verb and resource" said "create pods: pods is forbidden"
    fault none
    eventually 15 "allowed: the pod is made" replaced
    fault lost POST pods
    lose_pod
    eventually 15 "a lost answer: the pod is there, once" replaced
    fault none
    stop
}

# ---- credentials ----

# Both tokens mean something to a real server; the embedded one asks for none.
expired_token()
{
    local token=$WORK/token pid
    echo moonset-token >"$token"
    write_kubeconfig "$WORK/proxied" "http://$PROXY" "" "tokenFile: \"$token\""
    start
    pid=$MOONSET_PID
    eventually 10 "in good order first" ready
    fault expired '*' '*'
    lose_pod
    eventually 10 "401: told with the source of the credentials" said "the server does not accept the credentials of $WORK/proxied"
    echo sim-token >"$token.new"
    mv "$token.new" "$token"
    eventually 20 "the token is rotated: it goes on" replaced
    check "without a restart" kill -0 "$pid"
    check "no token is logged" lacks -token cat "$log"
    fault none
    stop
}

# On a real server: its TLS, its authentication, its RBAC.
real_server_says_no()
{
    # shellcheck disable=SC1091,SC2153
    local server ca
    server=$(. "$CLUSTER_DIR/env"; echo "$SERVER")
    ca=$(. "$CLUSTER_DIR/env"; echo "$CA_FILE")
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=else -keyout "$WORK/else.key" -out "$WORK/ca.crt" 2>/dev/null
    echo expired-token >"$WORK/token"
    write_kubeconfig "$WORK/proxied" "$server" "certificate-authority: \"$WORK/ca.crt\"" "tokenFile: \"$WORK/token\""
    start
    eventually 10 "wrong CA: told" said "certificate in certificate chain (trusted is what $WORK/ca.crt signed)"
    cp "$ca" "$WORK/ca.crt"
    eventually 15 "right CA, expired token: told" said "the server does not accept the credentials of"
    echo moonset-token >"$WORK/token"
    eventually 15 "right token: it works" ready

    roles no-create
    lose_pod
    eventually 15 "RBAC refuses a verb: told" said 'create pods: pods is forbidden: User \"moonset\" cannot create resource \"pods\"'
    roles all
    eventually 20 "allowed again: the pod is made" replaced
    stop

    roles no-watch
    start
    eventually 15 "RBAC refuses a watch: told" said 'watch pods: pods is forbidden: User \"moonset\" cannot watch resource \"pods\"'
    roles all
    lose_pod
    eventually 20 "allowed again: it follows" replaced
    stop
}

# roles no-create|no-watch|all: what user moonset may do with pods.
roles()
{
    sed "/resources: \[pods\]/{n;s/ ${1#no-},//}" "$ROOT/examples/addon/rbac.yaml" | k apply -f - >/dev/null
}

# ---- sets ----

set_like() # SELECTOR MAX-UNAVAILABLE
{
    k create -f - <<JSON
{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"wrong"},"spec":{"selector":$1,
 "updateStrategy":{"rollingUpdate":{"maxUnavailable":$2}},
 "template":{"metadata":{"labels":{"app":"wrong"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
JSON
}

# What the server refuses, moonset never sees; tests/unit/daemonset has what it does if it does.
sets_nobody_lets_in()
{
    check "an empty selector" has "empty selector is invalid for daemonset" set_like '{}' 1
    # shellcheck disable=SC2016
    check "a selector of other labels" has '`selector` does not match template `labels`' set_like '{"matchLabels":{"app":"x"}}' 1
    check "a percent over 100" has "must not be greater than 100%" set_like '{"matchLabels":{"app":"wrong"}}' '"101%"'
}

# ---- policies ----

policies_on_disk()
{
    mkdir "$WORK/policies"
    printf 'return {\n  api = 1,\n  selct = function() return true end,\n}\n' >"$WORK/policies/hook.lua"
    printf 'return {\n  api = 2,\n  select = function() return true end,\n}\n' >"$WORK/policies/api.lua"
    cat >"$WORK/policies/zone.lua" <<'LUA'
return {
  api = 1,
  params = { zone = { type = "string", default = "a" } },
  select = function(node, set) return set.params.zone == "a", "by zone" end,
}
LUA
}

# told WHAT TEXT: an Event of the set, and no pod is touched.
told()
{
    eventually 10 "$1: told as an Event" has "$2" event_of_agent
    check "$1: the set is left as it is" is "$before" uids
}

bad_policies()
{
    local before
    policies_on_disk
    start --policy-dir "$WORK/policies"
    eventually 10 "an unknown hook: told with file and line" said "hook.lua:3: unknown key 'selct' (did you mean 'select'?)"
    check "a wrong api: told with file and line" said "api.lua:2: 'api' must be 1, the only version there is"
    eventually 10 "it works all the same" ready
    before=$(uids)
    annotate moonset.dev/policies=hook
    told "a policy that never loaded" "policy hook has never loaded: hook.lua:3"
    annotate moonset.dev/policies=zoen
    told "an unknown policy" "policy zoen is not known (did you mean 'zone'?)"
    annotate moonset.dev/policies=zone "moonset.dev/params=$(printf 'zone: b\n\tx: y')"
    told "a tab in parameters" "moonset.dev/params:2:1: found a tab: YAML is indented by spaces"
    annotate "moonset.dev/params=$(printf 'zone: b\nzone: c')"
    told "a parameter twice" "moonset.dev/params:2:1: duplicate key"
    annotate "moonset.dev/params=$(bombs)"
    told "an alias bomb in parameters" "too many nodes"
    annotate "moonset.dev/params=zone: a"
    lose_pod
    eventually 15 "good parameters: it goes on" replaced
    check "moonset is alive" kill -0 "$MOONSET_PID"
    annotate moonset.dev/policies- moonset.dev/params-
    stop
}

# ---- disks ----

full_disk()
{
    local dir=$WORK/state
    mkdir "$dir"
    if ! mount -t tmpfs -o size=4k tmpfs "$dir" 2>/dev/null; then
        echo "# skipped: a full disk under --state-dir (mounting a tmpfs is not permitted here)"
        return
    fi
    head -c 4096 /dev/zero >"$dir/full"
    start --state-dir "$dir"
    eventually 10 "a full disk under --state-dir: told" said "No space left on device"
    eventually 10 "it works all the same" ready
    stop
    check "and leaves nothing behind" is full ls -A "$dir"
    umount "$dir"
}

# ---- all of it ----

RUNS=0
NODES=2
# Lists that are lists: what is wrong with a streamed one is wrong with a watch.
SIM_FLAGS=(--streamed-lists=false)
cluster_up n1 n2
settings_on_disk
plugins_on_disk
proxy_up
kill "$PROXY_PID"
wait "$PROXY_PID"
server_that_comes_later
numbers_and_nuls
stop
bad_answers_to_watches
bad_answers_to_lists
bad_answers_to_writes
sets_nobody_lets_in
bad_policies
full_disk
expired_token
[ "$MOON_TARGET" = sim ] || real_server_says_no
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
