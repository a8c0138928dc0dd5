# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# The introduction's DaemonSet with real kubectl: rows 2, 5-11 and 15 of what is asked for.
. "$(dirname "$0")/../harness.sh"

cluster_up kube-master kube-worker1 kube-worker2
moonset_up

manifest=$ROOT/examples/quickstart/daemonset_demo.yml
check "apply" k apply -f "$manifest"
eventually 30 "three nodes, three of everything" is "3 3 3 3 3" ds_counts daemonset-demo-prometheus
check "get -o wide shows the table" has "daemonset-demo-prometheus   3         3         3       3            3           <none>" \
    k get daemonsets -o wide
check "get -o wide shows containers, images, selector" has "prometheus   prom/node-exporter   name=prometheus-exporter,tier=monitoring" \
    k get daemonsets -o wide
check "one pod per node" is "kube-master kube-worker1 kube-worker2" pod_nodes tier=monitoring
eventually 20 "describe: three SuccessfulCreate events" \
    sh -c "test \$($KUBECTL describe ds daemonset-demo-prometheus | grep -c 'SuccessfulCreate.*daemonset-controller.*Created pod: daemonset-demo-prometheus-') -eq 3"
check "describe: pods status" has "Pods Status:  3 Running / 0 Waiting / 0 Succeeded / 0 Failed" \
    k describe ds daemonset-demo-prometheus

add_node kube-worker3
eventually 20 "a node joins, a pod appears" is "4 4 4 4 4" ds_counts daemonset-demo-prometheus
check "the node leaves" k delete node kube-worker3
eventually 120 "its pod is collected" is "kube-master kube-worker1 kube-worker2" pod_nodes tier=monitoring
eventually 20 "and the counts follow" is "3 3 3 3 3" ds_counts daemonset-demo-prometheus

check "cordon" k cordon kube-worker1
check "a pod of a cordoned node is deleted by hand" \
    k delete pod --wait=true --field-selector spec.nodeName=kube-worker1 -l tier=monitoring
eventually 20 "and comes back: daemons tolerate unschedulable nodes" is "3 3 3 3 3" ds_counts daemonset-demo-prometheus
check "uncordon" k uncordon kube-worker1

check "taint NoSchedule" k taint node kube-worker2 dedicated=db:NoSchedule
eventually 20 "no longer desired there" is "2 2 2 2 2" ds_counts daemonset-demo-prometheus
check "but the running pod stays" is "kube-master kube-worker1 kube-worker2" pod_nodes tier=monitoring
check "taint NoExecute" k taint node kube-worker2 dedicated=db:NoExecute
eventually 30 "now it goes" is "kube-master kube-worker1" pod_nodes tier=monitoring
check "untaint" k taint node kube-worker2 dedicated-
eventually 20 "and comes back" is "3 3 3 3 3" ds_counts daemonset-demo-prometheus

check "set image" k set image ds/daemonset-demo-prometheus prometheus=prom/node-exporter:v2
check "rollout status waits for the end" timeout 60 "$KUBECTL" rollout status ds/daemonset-demo-prometheus
check "every pod runs the new image" is "prom/node-exporter:v2 prom/node-exporter:v2 prom/node-exporter:v2" \
    k get pods -l tier=monitoring -o 'jsonpath={.items[*].spec.containers[0].image}'
check "history has two revisions" has "2 " k rollout history ds/daemonset-demo-prometheus
check "undo" k rollout undo ds/daemonset-demo-prometheus
check "rollout status after undo" timeout 60 "$KUBECTL" rollout status ds/daemonset-demo-prometheus
check "every pod runs the old image" is "prom/node-exporter prom/node-exporter prom/node-exporter" \
    k get pods -l tier=monitoring -o 'jsonpath={.items[*].spec.containers[0].image}'
check "restart" k rollout restart ds/daemonset-demo-prometheus
check "rollout status after restart" timeout 60 "$KUBECTL" rollout status ds/daemonset-demo-prometheus

check "OnDelete" k patch ds daemonset-demo-prometheus --type merge -p '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
check "set image" k set image ds/daemonset-demo-prometheus prometheus=prom/node-exporter:v3
eventually 20 "nothing is updated" is "3 3 3 0 3" ds_counts daemonset-demo-prometheus
check "delete one pod" k delete pod --field-selector spec.nodeName=kube-master -l tier=monitoring
eventually 20 "its successor is updated" is "3 3 3 1 3" ds_counts daemonset-demo-prometheus

check "delete by manifest" k delete -f "$manifest"
eventually 30 "pods are collected" is "" pod_nodes tier=monitoring
check "no error in the log" sh -c "! grep -E 'level=error|AddressSanitizer|runtime error' '$WORK'/*.log"
moonset_down
check "moonset ended well" test $? -eq 0
finish
