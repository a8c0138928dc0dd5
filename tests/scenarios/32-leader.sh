# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# Two replicas, one lease, and the leader goes without a word: killed, or stopped for longer than the
# lease lasts. The other takes over when the lease has run out, not before; a leader that wakes up
# too late writes nothing and ends.
. "$(dirname "$0")/../harness.sh"

# replica NAME: its log in $WORK/NAME.log, its pid in $LAST_PID.
replica()
{
    background "$1" "$MOONSET" run --kubeconfig "$MOONSET_KUBECONFIG" --listen 127.0.0.1:0
}

said() # NAME TEXT
{
    grep -q "$2" "$WORK/$1.log"
}

ended_with() # STATUS PID
{
    wait "$2"
    local got=$?
    [ "$got" -eq "$1" ] || not_ok "process $2 ended with $got" "want $1"
    [ "$got" -eq "$1" ]
}

pod_writes() # NAME
{
    grep -cE 'msg="(created|deleted) pod"' "$WORK/$1.log"
}

images()
{
    k get pods -l app=agent -o 'jsonpath={.items[*].spec.containers[0].image}'
}

transitions()
{
    k -n kube-system get lease moonset -o jsonpath='{.spec.leaseTransitions}'
}

cluster_up n1 n2 n3
replica first
first=$LAST_PID
eventually 10 "the first replica leads" said first "topic=manager msg=leading"
replica second
second=$LAST_PID
eventually 10 "the second knows who leads" said second " leads"
before=$(transitions)
k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  updateStrategy: {rollingUpdate: {maxUnavailable: 3}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: "agent:v1"}]}
YAML
eventually 30 "three pods" is "3 3 3 3 3" ds_counts agent
check "the standby made none" is 0 pod_writes second

start=$SECONDS
kill -9 "$first"
wait "$first" 2>/dev/null
k set image ds/agent c=agent:v2 >/dev/null
eventually 25 "the leader is killed: the second takes over" said second "topic=manager msg=leading"
took=$((SECONDS - start))
check "not before the lease had run out (${took} s)" test "$took" -ge 11
check "and soon after (${took} s)" test "$took" -le 20
eventually 30 "and does what was left undone" is "agent:v2 agent:v2 agent:v2" images
eventually 20 "all is well" is "3 3 3 3 3" ds_counts agent

replica third
third=$LAST_PID
eventually 10 "the third stands by" said third " leads"
kill -STOP "$second"
writes=$(pod_writes second)
eventually 25 "the leader sleeps: the third takes over" said third "topic=manager msg=leading"
k set image ds/agent c=agent:v3 >/dev/null
kill -CONT "$second"
ended_with 1 "$second" && ok "the sleeper wakes up and ends: status 1"
check "it says why" said second "the lease is lost"
check "it wrote nothing more" is "$writes" pod_writes second
eventually 30 "the third does the work" is "agent:v3 agent:v3 agent:v3" images
eventually 20 "all is well again" is "3 3 3 3 3" ds_counts agent

replica fourth
eventually 10 "the fourth stands by" said fourth " leads"
kill "$third"
ended_with 0 "$third" && ok "SIGTERM: status 0"
eventually 5 "the lease was given back: the fourth leads at once" said fourth "topic=manager msg=leading"
check "one leader after another" is "$((before + 3))" transitions
check "no error in the logs but the lost lease" \
    sh -c "! grep -hE 'level=error|AddressSanitizer|runtime error' '$WORK'/*.log | grep -v 'the lease is lost'"
finish
