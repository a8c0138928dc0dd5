#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# targets: sim
#
# What a user sees of `moonset sim SCENARIO.yaml`: timeline, verdict, exit status, errors.
. "$(dirname "$0")/../harness.sh"

cd "$WORK" || exit 1
cat >agent.yaml <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: "agent:1"}]}
YAML
cat >good.yaml <<'YAML'
name: good
nodes: 2
steps:
- apply: agent.yaml
- wait: {settled: true, within: 1m}
end: {daemonset: {name: agent, numberReady: 2}}
YAML
sed 's/numberReady: 2/numberReady: 3/; s/name: good/name: wrong/' good.yaml >wrong.yaml
sed 's/settled: true/pods: {count: 9}/; s/name: good/name: vain/' good.yaml >vain.yaml
sed 's/- wait/- wiat/' good.yaml >typo.yaml
sed 's/agent.yaml/{apiVersion: apps\/v1, kind: DaemonSet, metadata: {name: x}}/' good.yaml >refused.yaml

sim() { "$MOONSET" sim "$@"; }

# status CODE COMMAND…: it exits so.
status()
{
    local want=$1 got=0
    shift
    "$@" >"$WORK/out" 2>&1 || got=$?
    [ "$got" -eq "$want" ] || { echo "exit status $got, not $want"; cat "$WORK/out"; return 1; }
}

check "a scenario passes" status 0 sim good.yaml
check "the timeline tells the step" grep -q "0.000s  scenario    apply DaemonSet agent" out
check "and why a pod was made" grep -Eq "controller  created pod agent-[a-z0-9]{5} on node-1: the node needs a pod" out
check "and what became of it" grep -Eq "cluster     pod agent-[a-z0-9]{5} on node-1 is ready \(agent:1\)" out
check "and the verdict" grep -Eq "^passed good: .* calls by the controller$" out
check "no colours in a file" sh -c '! grep -q "$(printf "\033")" out'

check "an expectation that is not met is exit status 1" status 1 sim wrong.yaml
check "the verdict says which one, with its line" \
    grep -q "^FAILED wrong: .* 0 violations, 1 expectation not met; first: wrong.yaml:6: daemonset agent: numberReady is 2, not 3" out
check "waiting in vain, too" status 1 sim vain.yaml
check "it says what there is instead" grep -q "waited 1m00.0s in vain: pods: count is 2, not 9" out

check "a typing error is exit status 2" status 2 sim typo.yaml
check "and is told with file, line and a guess" \
    grep -q 'moonset: typo.yaml:5: steps\[1\].wiat: there is no such action (did you mean "wait"?)' out
check "an object that the server refuses, too" status 2 sim refused.yaml
check "in the server's words" grep -q 'moonset: refused.yaml:4: apply: DaemonSet.apps "x" is invalid: ' out
check "a file that is not there" status 2 sim nowhere.yaml
check "the worst of several files counts" status 2 sim --quiet good.yaml typo.yaml wrong.yaml
check "quiet leaves the verdicts" sh -c '[ "$(grep -c "^passed\|^FAILED" out)" = 2 ] && [ "$(wc -l <out)" = 3 ]'

check "a flag of the running cluster has no meaning here" status 2 sim --nodes 5 good.yaml
check "and the other way round" status 2 sim --seed 5
check "nobody can look on at a virtual clock" status 2 sim --write-kubeconfig k good.yaml

timeline() { sim --seed "$1" good.yaml | grep -v '^passed'; }
timeline 5 >first
timeline 5 >second
timeline 6 >third
check "the same seed gives the same timeline" cmp first second
check "another seed gives other names" sh -c '! cmp -s first third'

check "as JSON" status 0 sim -o json good.yaml
check "every line is an object" sh -c 'python3 -c "
import json, sys
lines = [json.loads(line) for line in open(\"out\")]
assert lines[-1][\"passed\"] is True and lines[-1][\"violations\"] == 0
assert all(l[\"scenario\"] == \"good\" for l in lines)
assert any(l.get(\"who\") == \"controller\" and \"created pod\" in l[\"text\"] for l in lines)
"'

sed 's/^name: good/name: real\nclock: real/; s/^end:.*/- wait: {pods: {selector: seen=yes}}/' good.yaml >real.yaml
background real "$MOONSET" sim --real-time --write-kubeconfig "$WORK/k" real.yaml
eventually 20 "kubectl looks on in real time" has node-2 k --kubeconfig "$WORK/k" get nodes
eventually 20 "there are pods to be seen" has agent- k --kubeconfig "$WORK/k" get pods -l app=agent
k --kubeconfig "$WORK/k" label pod -l app=agent seen=yes >label.log 2>&1 # it may end before kubectl
eventually 20 "the scenario sees what kubectl does" grep -q "^passed real" "$WORK/real.log"

finish
