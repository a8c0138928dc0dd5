# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# `moonset get` lists sets, the nodes of a set and its revisions: from the cluster, from a file, and
# from the controller that runs, which tells only who may ask.
. "$(dirname "$0")/../harness.sh"

get()
{
    "$MOONSET" get --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" "$@"
}

admin() # COMMAND…
{
    local command=$1
    shift
    KUBECONFIG=$WORK/none "$MOONSET" "$command" --admin "$url" "$@"
}

admin_up() # FLAG…: the controller, and where its admin port is
{
    : >"$WORK/moonset.log"
    moonset_up --policy-dir "$policies" "$@"
    eventually 20 "the admin port is open" grep -q 'topic=admin.*addr=' "$WORK/moonset.log"
    url=http://$(sed -n 's/.*topic=admin.*addr=//p' "$WORK/moonset.log" | tail -n 1)
}

status_of() # CURL-ARGUMENT…
{
    curl -s -o /dev/null -w '%{http_code}' "$@"
}

policies=$WORK/policies
mkdir -p "$policies"
cat >"$policies/placed.lua" <<'LUA'
return {
  api = 1,
  select = function(node)
    if node.labels.pool == "quiet" then
      return false, "a quiet pool"
    end
  end,
  rank = function(node)
    return node.name == "n2" and 1 or 2
  end,
}
LUA

cluster_up n1 n2
add_node n3 pool=quiet
admin_up
create_agent
k annotate ds agent moonset.dev/policies=placed >/dev/null
eventually 30 "two pods" is "2 2 2 2 2" ds_counts agent
k set image ds/agent c=agent:v2 >/dev/null
eventually 60 "rolled out" k rollout status ds/agent --timeout=1s
eventually 30 "two pods" is "2 2 2 2 2" ds_counts agent

get sets >"$WORK/sets"
check "the sets" grep -qE '^default/agent +2 +2 +2 +2 +2 +[a-z0-9]+ +[0-9hms]+ +placed +-$' "$WORK/sets"
check "with all policies" has "update/rolling@" get sets -o wide
check "as JSON" is "default/agent 2" sh -c "'$MOONSET' get sets --kubeconfig '$MOONSET_KUBECONFIG' --policy-dir '$policies' -o json | jq -r '.[] | select(.set == \"default/agent\") | \"\(.set) \(.desired)\"'"
check "one of them" has "default/agent" get sets default/agent
check "one that is not there" has "there is no set default/nobody" get sets default/nobody
get nodes default/agent >"$WORK/nodes"
sed 's/^/# /' "$WORK/nodes"
check "the nodes, in order of rank" is "n2 n1 n3" sh -c "awk 'NR > 1 {print \$1}' '$WORK/nodes' | tr '\n' ' ' | sed 's/ $//'"
check "with their pods" grep -qE '^n1 +run +agent-[a-z0-9]+ +[a-z0-9]+ +yes +yes +2 +-$' "$WORK/nodes"
check "and why there is none" grep -qE '^n3 +evict +- +- +- +- +2 +a quiet pool$' "$WORK/nodes"
get revisions default/agent >"$WORK/revisions"
sed 's/^/# /' "$WORK/revisions"
check "the revisions: the one before" grep -qE '^[a-z0-9]+ +1 +before +0 ' "$WORK/revisions"
check "and the current one" grep -qE '^[a-z0-9]+ +2 +current +2 ' "$WORK/revisions"
"$MOONSET" snapshot --kubeconfig "$MOONSET_KUBECONFIG" --policy-dir "$policies" -o "$WORK/snapshot"
check "from a file" is "$(cat "$WORK/nodes")" "$MOONSET" get nodes default/agent --snapshot "$WORK/snapshot"

check "from the controller: sets" has "default/agent" admin get sets
check "nodes" is "$(cat "$WORK/nodes")" admin get nodes default/agent
check "revisions" has "current" admin get revisions default/agent
check "explain, too" has "open writes" admin explain default/agent
check "as from the cluster: what is done about it" is "next step nothing" sh -c "KUBECONFIG='$WORK/none' '$MOONSET' explain --admin '$url' default/agent n1 | tail -1 | tr -s ' '"
check "a node" has "a quiet pool" admin explain default/agent n3
check "a set that is not there" has "there is no set default/nobody" admin explain default/nobody
check "is an error" status_is 1 admin explain default/nobody
check "this machine may ask" is 200 status_of "$url/get?what=sets"
check "a web page on it may not" is 403 status_of -H 'Host: evil.example' "$url/get?what=sets"
check "there is nothing else to get" is 400 status_of "$url/get?what=secrets&set=default/agent"
printf '%s\n' 'nodes.n3.labels.pool' 'for name, node in pairs(nodes) do' 'last = name' 'end' 'last' \
    'set("default/agent").desired' 'nodes.n1.labls' >"$WORK/lines"
check "a prompt for Lua sees the same" is '"quiet" "n3" 2' sh -c "'$MOONSET' repl --snapshot '$WORK/snapshot' <'$WORK/lines' 2>'$WORK/errors' | tr '\n' ' ' | sed 's/ \$//'"
check "and says what is wrong" grep -q "did you mean 'labels'" "$WORK/errors"
check "which is a status" sh -c "! '$MOONSET' repl --kubeconfig '$MOONSET_KUBECONFIG' --policy-dir '$policies' <'$WORK/lines' 2>/dev/null >&2"
moonset_down

echo "a-token" >"$WORK/token"
admin_up --admin-token-file "$WORK/token"
check "with a token: not without it" is 401 status_of "$url/get?what=sets"
check "nor with another" is 401 status_of -H 'Authorization: Bearer another' "$url/explain?set=default/agent"
check "but with it" is 200 status_of -H 'Authorization: Bearer a-token' "$url/get?what=sets"
check "metrics and health need none" is 200 status_of "$url/healthz"
eventually 20 "who brings it is told" has "default/agent" admin get sets --admin-token-file "$WORK/token"
check "who does not is not" has "token" admin get sets
echo "rotated" >"$WORK/token"
check "the token may change" is 401 status_of -H 'Authorization: Bearer a-token' "$url/get?what=sets"
moonset_down

check "what is there to get" status_is 2 get pods
check "nodes of which set" status_is 2 get nodes
check "a set without its namespace" status_is 2 get nodes agent
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
