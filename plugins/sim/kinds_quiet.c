/* SPDX-License-Identifier: Apache-2.0
 *
 * kinds_quiet.c - the kinds of a cluster that are there and empty (see registry.h).
 *
 * The versions are those of the release whose behaviour this server has, and the beta ones that
 * stock programs since 1.20 ask for.
 */
#include "sim/registry.h"

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NAMES(g, v, r, s, k)                                                                       \
    .group = (g), .version = (v), .resource = (r), .singular = (s), .kind = (k)
#define IN_NAMESPACES .namespaced = true
#define IN_ALL .categories = TEXTS("all")
#define SHORT(...) .short_names = TEXTS(__VA_ARGS__)

static const struct moon_sim_kind QUIET[] = {
    {NAMES("", "v1", "limitranges", "limitrange", "LimitRange"), IN_NAMESPACES, SHORT("limits")},
    {NAMES("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim"),
     IN_NAMESPACES, SHORT("pvc")},
    {NAMES("", "v1", "persistentvolumes", "persistentvolume", "PersistentVolume"), SHORT("pv")},
    {NAMES("", "v1", "podtemplates", "podtemplate", "PodTemplate"), IN_NAMESPACES},
    {NAMES("", "v1", "replicationcontrollers", "replicationcontroller", "ReplicationController"),
     IN_NAMESPACES, SHORT("rc"), IN_ALL},
    {NAMES("", "v1", "resourcequotas", "resourcequota", "ResourceQuota"), IN_NAMESPACES,
     SHORT("quota")},
    {NAMES("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations",
           "mutatingwebhookconfiguration", "MutatingWebhookConfiguration")},
    {NAMES("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
           "validatingwebhookconfiguration", "ValidatingWebhookConfiguration")},
    {NAMES("apiregistration.k8s.io", "v1", "apiservices", "apiservice", "APIService")},
    {NAMES("apps", "v1", "deployments", "deployment", "Deployment"), IN_NAMESPACES, SHORT("deploy"),
     IN_ALL},
    {NAMES("apps", "v1", "replicasets", "replicaset", "ReplicaSet"), IN_NAMESPACES, SHORT("rs"),
     IN_ALL},
    {NAMES("apps", "v1", "statefulsets", "statefulset", "StatefulSet"), IN_NAMESPACES, SHORT("sts"),
     IN_ALL},
    {NAMES("autoscaling", "v1", "horizontalpodautoscalers", "horizontalpodautoscaler",
           "HorizontalPodAutoscaler"),
     IN_NAMESPACES, SHORT("hpa"), IN_ALL},
    {NAMES("batch", "v1", "cronjobs", "cronjob", "CronJob"), IN_NAMESPACES, SHORT("cj"), IN_ALL},
    {NAMES("batch", "v1", "jobs", "job", "Job"), IN_NAMESPACES, IN_ALL},
    {NAMES("certificates.k8s.io", "v1", "certificatesigningrequests", "certificatesigningrequest",
           "CertificateSigningRequest"),
     SHORT("csr")},
    {NAMES("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice"),
     IN_NAMESPACES},
    {NAMES("discovery.k8s.io", "v1beta1", "endpointslices", "endpointslice", "EndpointSlice"),
     IN_NAMESPACES},
    {NAMES("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "flowschema", "FlowSchema")},
    {NAMES("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations",
           "prioritylevelconfiguration", "PriorityLevelConfiguration")},
    {NAMES("networking.k8s.io", "v1", "ingressclasses", "ingressclass", "IngressClass")},
    {NAMES("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress"), IN_NAMESPACES,
     SHORT("ing")},
    {NAMES("networking.k8s.io", "v1", "networkpolicies", "networkpolicy", "NetworkPolicy"),
     IN_NAMESPACES, SHORT("netpol")},
    {NAMES("node.k8s.io", "v1", "runtimeclasses", "runtimeclass", "RuntimeClass")},
    {NAMES("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "clusterrolebinding",
           "ClusterRoleBinding")},
    {NAMES("rbac.authorization.k8s.io", "v1", "clusterroles", "clusterrole", "ClusterRole")},
    {NAMES("rbac.authorization.k8s.io", "v1", "rolebindings", "rolebinding", "RoleBinding"),
     IN_NAMESPACES},
    {NAMES("rbac.authorization.k8s.io", "v1", "roles", "role", "Role"), IN_NAMESPACES},
    {NAMES("storage.k8s.io", "v1", "csidrivers", "csidriver", "CSIDriver")},
    {NAMES("storage.k8s.io", "v1", "csinodes", "csinode", "CSINode")},
    {NAMES("storage.k8s.io", "v1", "csistoragecapacities", "csistoragecapacity",
           "CSIStorageCapacity"),
     IN_NAMESPACES},
    {NAMES("storage.k8s.io", "v1", "storageclasses", "storageclass", "StorageClass"), SHORT("sc")},
    {NAMES("storage.k8s.io", "v1", "volumeattachments", "volumeattachment", "VolumeAttachment")},
};

size_t moon_sim_quiet_count(void)
{
    return MOON_ARRAY_SIZE(QUIET);
}

const struct moon_sim_kind *moon_sim_quiet_at(size_t i)
{
    moon_assert(i < MOON_ARRAY_SIZE(QUIET));
    return &QUIET[i];
}
