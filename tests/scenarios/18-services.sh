# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# targets: sim cluster
#
# Endpoints of Services: who stands behind one, and that it is kept up to date.
. "$(dirname "$0")/../harness.sh"

# pod NAME LABEL=VALUE [ANNOTATION=VALUE]: bound by hand.
pod()
{
    local annotations='{}'
    [ -z "${3:-}" ] || annotations="{\"sim.moonset.dev/${3%%=*}\":\"${3#*=}\"}"
    k create -f - >/dev/null <<JSON
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1","labels":{"${2%%=*}":"${2#*=}"},"annotations":$annotations},
 "spec":{"nodeName":"n1","terminationGracePeriodSeconds":1,"hostname":"$1","subdomain":"direct",
         "containers":[{"name":"c","image":"web","ports":[{"name":"http","containerPort":8080}]}]}}
JSON
}

# behind SERVICE: "ready pods|not ready pods:ports". Ports are in no order that means anything.
behind()
{
    k get endpoints "$1" -o go-template='{{range .subsets}}{{range .addresses}}{{.targetRef.name}} {{end}}|{{range .notReadyAddresses}}{{.targetRef.name}} {{end}}:{{end}}'
    k get endpoints "$1" -o go-template='{{range .subsets}}{{range .ports}}{{if .name}}{{.name}}{{end}}={{.port}}{{"\n"}}{{end}}{{end}}' | sort | tr '\n' ' '
}

cluster_up n1
k wait --for=condition=Ready node/n1 --timeout=20s >/dev/null
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: web, labels: {tier: front}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 81, targetPort: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: direct}
spec: {selector: {app: web}, clusterIP: None}
---
apiVersion: v1
kind: Service
metadata: {name: early}
spec: {selector: {app: web}, clusterIP: None, publishNotReadyAddresses: true, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: manual}
spec: {ports: [{port: 80}]}
YAML
eventually 20 "a service without pods has empty endpoints" is "" behind web
check "with the labels of the service" is front k get endpoints web -o 'jsonpath={.metadata.labels.tier}'
eventually 10 "those of a headless service are marked" has service.kubernetes.io/headless k get endpoints direct -o 'jsonpath={.metadata.labels}'

pod a app=web
eventually 20 "a ready pod is behind its service" is "a |:admin=9000 http=8080 " behind web
eventually 10 "and has a name behind the headless one" is a k get endpoints direct -o 'jsonpath={.subsets[0].addresses[0].hostname}'
check "with the address of the pod" is "$(k get pod a -o 'jsonpath={.status.podIP}')" k get endpoints web -o 'jsonpath={.subsets[0].addresses[0].ip}'
check "and its node" is n1 k get endpoints web -o 'jsonpath={.subsets[0].addresses[0].nodeName}'
pod b app=web outcome=never-ready
eventually 20 "one that is not ready is told apart" is "a |b :admin=9000 http=8080 " behind web
eventually 10 "unless the service wants it" is "a b |:=80 " behind early

k label pod a app=other --overwrite >/dev/null
eventually 10 "a pod whose labels change leaves" is "|b :admin=9000 http=8080 " behind web
k label pod a app=web --overwrite >/dev/null
eventually 10 "and comes back" is "a |b :admin=9000 http=8080 " behind web
k delete pod a >/dev/null
eventually 10 "a pod that is deleted leaves" is "|b :admin=9000 http=8080 " behind web
k patch service web --type=merge -p '{"spec":{"selector":{"app":"none"}}}' >/dev/null
eventually 10 "another selector, other pods" is "" behind web
k delete endpoints direct >/dev/null
eventually 10 "endpoints that are deleted are made again" is "|b :" behind direct

check "a service without selector has none" lacks manual k get endpoints -o name
k create -f - >/dev/null <<'JSON'
{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"manual"},
 "subsets":[{"addresses":[{"ip":"192.0.2.1"}],"ports":[{"port":80}]}]}
JSON
k delete service web >/dev/null
eventually 10 "endpoints go with their service" lacks endpoints/web k get endpoints -o name
check "those of a service without selector are left alone" is 192.0.2.1 k get endpoints manual -o 'jsonpath={.subsets[0].addresses[0].ip}'
check "no memory error" sh -c "! grep -E 'AddressSanitizer|LeakSanitizer|runtime error' '$WORK'/*.log"
finish
