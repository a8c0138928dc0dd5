# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016
# describe.
row 'kubectl describe node "$N"' '~^Name: +n' '~^Taints: +<none>' '~^Unschedulable: +false' '~^Lease:' '~HolderIdentity' '~^  Ready +True' '~^Capacity:' '~^Allocatable:' '~^Non-terminated Pods: +\([0-9]+ in total\)' '~agent-' '~^Allocated resources:' '~^Events:'
row 'kubectl describe nodes' '~^Name: +n1$' '~^Name: +n4$'
row 'kubectl describe pod plain' '~^Name: +plain' '~^Status: +Running' '~^IP: +[0-9.]+' '~Image: +plain:1' '~^    Ready: +True' '~^QoS Class: +Burstable' '~^Events:' '~Normal +Scheduled .*Successfully assigned v[0-9]+/plain to n'
row 'kubectl describe pods -l app=agent' '~^Controlled By: +DaemonSet/agent'
row 'kubectl describe ds agent' '~^Name: +agent' '~^Selector: +app=agent' '~^Desired Number of Nodes Scheduled: 4' '~^Pods Status: +[0-4] Running / [0-4] Waiting / 0 Succeeded / 0 Failed' '~SuccessfulCreate .*daemonset-controller +Created pod: agent-'
# From 1.31 on it reads EndpointSlices, which a 1.20 server has only as v1beta1.
row -u 30 'kubectl describe svc several' '~^Type: +ClusterIP' '~^IP: +10.96' '~^Port: +web +80/TCP' '~^TargetPort: +8080/TCP' '~^Endpoints: +[0-9.]+:8080'
row -s 31 'kubectl describe svc several' '~^Type: +ClusterIP' '~^IP: +10.96' '~^Port: +web +80/TCP' '~^TargetPort: +8080/TCP'
row 'kubectl describe ns "v$MINOR"' '~^Status: +Active' '~^No LimitRange resource'
row 'kubectl describe cm several' '~^Data' '~^k:$'
row 'kubectl describe secret several' '~^Type: +Opaque' '~^user: +5 bytes'
row 'kubectl describe sa several' '~^Name: +several'
row -t sim 'kubectl describe pdb made' '~^Min available: +1' '~Allowed disruptions: +0'
row 'kubectl describe endpoints several' '~^Subsets:'
row 'kubectl describe lease -n kube-node-lease n1' '~Holder Identity: +n1'
row 'kubectl describe controllerrevision -l app=agent' '~^Revision: +[0-9]'
row 'kubectl describe pc system-node-critical' '~^Value: +2000001000'
row 'kubectl describe -f several.yaml' '~^Name: +several'
row 'kubectl describe pod pla' '~^Name: +plain'
row -x 1 'kubectl describe pod absent' '~pods "absent" not found'
