# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim
#
# Two replicas, one lease: a standby is ready and silent, takes over, and a leader that loses the
# lease ends. One signal ends in good order, two end at once.
. "$(dirname "$0")/../harness.sh"

# replica NAME: its log in $WORK/NAME.log, its pid in $LAST_PID.
replica()
{
    background "$1" "$MOONSET" run --kubeconfig "$MOONSET_KUBECONFIG" --listen 127.0.0.1:0
}

ready() # NAME
{
    curl -sf "http://$(sed -n 's/.*topic=admin.*addr=//p' "$WORK/$1.log")/readyz"
}

holder()
{
    k -n kube-system get lease moonset -o jsonpath='{.spec.holderIdentity}'
}

ended_with() # STATUS PID
{
    wait "$2"
    local got=$?
    [ "$got" -eq "$1" ] || not_ok "process $2 ended with $got" "want $1"
    [ "$got" -eq "$1" ]
}

said() # NAME TEXT
{
    grep -q "$2" "$WORK/$1.log"
}

cluster_up node-1
replica first
first=$LAST_PID
eventually 10 "the first replica leads" said first "topic=manager msg=leading"
replica second
second=$LAST_PID
eventually 10 "the standby is ready" ready second
check "and does not lead" lacks msg=leading cat "$WORK/second.log"
check "but knows who does" said second "leads"

before=$(holder)
kill "$first"
ended_with 0 "$first" && ok "SIGTERM: status 0"
eventually 5 "the standby takes over at once: the lease was given back" said second msg=leading
check "another one holds the lease" test "$(holder)" != "$before"

k -n kube-system patch lease moonset --type=merge -p '{"spec":{"holderIdentity":"a-thief"}}' >/dev/null
ended_with 1 "$second" && ok "a lost lease: status 1"
check "and says why" said second "the lease is lost"

k -n kube-system delete lease moonset >/dev/null
replica third
third=$LAST_PID
eventually 10 "the third replica leads" said third msg=leading
kill -STOP "$SIM_PID"
kill "$third"
eventually 5 "it tries to end in good order" said third msg=stopping
start=$SECONDS
kill "$third"
ended_with 1 "$third" && ok "a second SIGTERM: status 1"
check "at once" test $((SECONDS - start)) -le 1
kill -CONT "$SIM_PID"
finish
