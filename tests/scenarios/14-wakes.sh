# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# Changes of a node that the stock controller sleeps through until something else happens: the node is
# deleted, it gets a NoSchedule taint beside a running pod, it stops matching while the pod still waits.
. "$(dirname "$0")/../harness.sh"

misscheduled()
{
    k get ds "$1" -o 'go-template={{or .status.numberMisscheduled 0}}'
}

cluster_up n1 n2 n3
moonset_up
create_agent
eventually 20 "one pod per node" is "3 3 3 3 3" ds_counts agent

k taint node n2 dedicated=db:NoSchedule >/dev/null
eventually 5 "a NoSchedule taint changes what is desired at once" is "2 2 2 2 2" ds_counts agent
check "and what is misscheduled" is 1 misscheduled agent
check "the pod stays" is "n1 n2 n3" pod_nodes app=agent
k taint node n2 dedicated- >/dev/null
eventually 5 "until the taint goes" is "3 3 3 3 3" ds_counts agent
check "and nothing is misscheduled" is 0 misscheduled agent

k delete node n3 >/dev/null
eventually 5 "a node that is deleted counts no more" is "2 2 2 2 2" ds_counts agent

k label node n1 disk=ssd >/dev/null
k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: picky}
spec:
  selector: {matchLabels: {app: picky}}
  template:
    metadata: {labels: {app: picky}}
    spec: {nodeSelector: {disk: ssd}, schedulerName: nobody, containers: [{name: c, image: agent}]}
YAML
eventually 5 "a pod waits for a scheduler that never comes" is Pending \
    k get pods -l app=picky -o 'jsonpath={.items[*].status.phase}'
k label node n1 disk- >/dev/null
eventually 5 "it goes when its node does not match any more" is "" k get pods -l app=picky -o name
eventually 5 "and nothing is desired" is "0 0 0 0 0" ds_counts picky

moonset_down
check "moonset ended well" test $? -eq 0
finish
