/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_types.c - the types of the kinds served, as the public Kubernetes API (1.31) defines them.
 *
 * One line per type: its name, then name:type of each field in the order the server prints them.
 * Types: string bool int32 int64 quantity intstr time microtime bytes raw, another type of this
 * table, []T, {}T (map from string). Flags behind the type: ! always printed, * a pointer (a zero
 * value is kept), ? a boolean will do as well. Behind a second colon, how a strategic merge patch
 * treats the field: a merge key,
 * - (a list of scalars that merges), = before it (retainKeys).
 */
#include "sim/schema_types.h"

#include <stddef.h>

const char *const moon_sim_schema_types[] = {
    "Namespace metadata:ObjectMeta! spec:NamespaceSpec! status:NamespaceStatus!",
    "Node metadata:ObjectMeta! spec:NodeSpec! status:NodeStatus!",
    "Pod metadata:ObjectMeta! spec:PodSpec! status:PodStatus!",
    "Service metadata:ObjectMeta! spec:ServiceSpec! status:ServiceStatus!",
    "Endpoints metadata:ObjectMeta! subsets:[]EndpointSubset",
    "ConfigMap metadata:ObjectMeta! immutable:bool* data:{}string binaryData:{}bytes",
    "Secret metadata:ObjectMeta! immutable:bool* data:{}bytes stringData:{}string type:string",
    "ServiceAccount metadata:ObjectMeta! secrets:[]ObjectReference:name "
    "imagePullSecrets:[]LocalObjectReference automountServiceAccountToken:bool*",
    "Event metadata:ObjectMeta! involvedObject:ObjectReference! reason:string message:string "
    "source:EventSource! firstTimestamp:time! lastTimestamp:time! count:int32 type:string "
    "eventTime:microtime! series:EventSeries* action:string related:ObjectReference* "
    "reportingComponent:string! reportingInstance:string!",
    "Binding metadata:ObjectMeta! target:ObjectReference!",
    "Lease metadata:ObjectMeta! spec:LeaseSpec!",
    "DaemonSet metadata:ObjectMeta! spec:DaemonSetSpec! status:DaemonSetStatus!",
    "ControllerRevision metadata:ObjectMeta! data:raw! revision:int64!",
    "Eviction metadata:ObjectMeta! deleteOptions:DeleteOptions*",
    "PodDisruptionBudget metadata:ObjectMeta! spec:PodDisruptionBudgetSpec! "
    "status:PodDisruptionBudgetStatus!",
    "PodDisruptionBudgetSpec minAvailable:intstr* selector:LabelSelector* maxUnavailable:intstr* "
    "unhealthyPodEvictionPolicy:string*",
    "PodDisruptionBudgetStatus observedGeneration:int64 disruptedPods:{}time "
    "disruptionsAllowed:int32! currentHealthy:int32! desiredHealthy:int32! expectedPods:int32! "
    "conditions:[]Condition:type",
    "SelfSubjectReview metadata:ObjectMeta! status:SelfSubjectReviewStatus!",
    "SelfSubjectReviewStatus userInfo:UserInfo!",
    "UserInfo username:string uid:string groups:[]string",
    "SelfSubjectAccessReview metadata:ObjectMeta! spec:SelfSubjectAccessReviewSpec! "
    "status:SubjectAccessReviewStatus!",
    "SelfSubjectAccessReviewSpec resourceAttributes:ResourceAttributes* "
    "nonResourceAttributes:NonResourceAttributes*",
    "SubjectAccessReview metadata:ObjectMeta! spec:SubjectAccessReviewSpec! "
    "status:SubjectAccessReviewStatus!",
    "LocalSubjectAccessReview metadata:ObjectMeta! spec:SubjectAccessReviewSpec! "
    "status:SubjectAccessReviewStatus!",
    "SubjectAccessReviewSpec resourceAttributes:ResourceAttributes* "
    "nonResourceAttributes:NonResourceAttributes* user:string groups:[]string extra:raw uid:string",
    "SubjectAccessReviewStatus allowed:bool! denied:bool reason:string evaluationError:string",
    "SelfSubjectRulesReview metadata:ObjectMeta! spec:SelfSubjectRulesReviewSpec! "
    "status:SubjectRulesReviewStatus!",
    "SelfSubjectRulesReviewSpec namespace:string",
    "SubjectRulesReviewStatus resourceRules:[]ResourceRule! nonResourceRules:[]NonResourceRule! "
    "incomplete:bool! evaluationError:string",
    "ResourceRule verbs:[]string! apiGroups:[]string resources:[]string resourceNames:[]string",
    "NonResourceRule verbs:[]string! nonResourceURLs:[]string",
    "ResourceAttributes namespace:string verb:string group:string version:string resource:string "
    "subresource:string name:string fieldSelector:raw labelSelector:raw",
    "NonResourceAttributes path:string verb:string",
    "PriorityClass metadata:ObjectMeta! value:int32! globalDefault:bool description:string "
    "preemptionPolicy:string*",
    "CustomResourceDefinition metadata:ObjectMeta! spec:CustomResourceDefinitionSpec! "
    "status:CustomResourceDefinitionStatus!",
    "CustomResourceDefinitionSpec group:string! names:CustomResourceDefinitionNames! scope:string! "
    "versions:[]CustomResourceDefinitionVersion! conversion:CustomResourceConversion* "
    "preserveUnknownFields:bool",
    "CustomResourceDefinitionNames plural:string! singular:string shortNames:[]string kind:string! "
    "listKind:string categories:[]string",
    "CustomResourceDefinitionVersion name:string! served:bool! storage:bool! deprecated:bool "
    "deprecationWarning:string* schema:CustomResourceValidation* "
    "subresources:CustomResourceSubresources* "
    "additionalPrinterColumns:[]CustomResourceColumnDefinition selectableFields:[]SelectableField",
    "CustomResourceDefinitionStatus conditions:[]CustomResourceDefinitionCondition!:type "
    "acceptedNames:CustomResourceDefinitionNames! storedVersions:[]string!",
    "CustomResourceDefinitionCondition type:string! status:string! lastTransitionTime:time "
    "reason:string message:string",
    "CustomResourceConversion strategy:string! webhook:WebhookConversion*",
    "WebhookConversion clientConfig:raw conversionReviewVersions:[]string!",
    "CustomResourceValidation openAPIV3Schema:JSONSchemaProps*",
    "CustomResourceSubresources status:CustomResourceSubresourceStatus* "
    "scale:CustomResourceSubresourceScale*",
    "CustomResourceSubresourceStatus",
    "CustomResourceSubresourceScale specReplicasPath:string! statusReplicasPath:string! "
    "labelSelectorPath:string*",
    "CustomResourceColumnDefinition name:string! type:string! format:string description:string "
    "priority:int32 jsonPath:string!",
    "SelectableField jsonPath:string!",
    "JSONSchemaProps id:string $schema:string $ref:string* description:string type:string "
    "format:string title:string default:raw* maximum:raw* exclusiveMaximum:bool minimum:raw* "
    "exclusiveMinimum:bool maxLength:int64* minLength:int64* pattern:string maxItems:int64* "
    "minItems:int64* uniqueItems:bool multipleOf:raw* enum:[]raw maxProperties:int64* "
    "minProperties:int64* required:[]string items:JSONSchemaProps* allOf:[]JSONSchemaProps "
    "oneOf:[]JSONSchemaProps anyOf:[]JSONSchemaProps not:JSONSchemaProps* "
    "properties:{}JSONSchemaProps additionalProperties:JSONSchemaProps*? "
    "patternProperties:{}JSONSchemaProps dependencies:raw additionalItems:raw "
    "definitions:{}JSONSchemaProps externalDocs:raw example:raw* nullable:bool "
    "x-kubernetes-preserve-unknown-fields:bool* x-kubernetes-embedded-resource:bool "
    "x-kubernetes-int-or-string:bool x-kubernetes-list-map-keys:[]string "
    "x-kubernetes-list-type:string* x-kubernetes-map-type:string* "
    "x-kubernetes-validations:[]raw:rule",
    "ObjectMeta name:string generateName:string namespace:string selfLink:string uid:string "
    "resourceVersion:string generation:int64 creationTimestamp:time! deletionTimestamp:time* "
    "deletionGracePeriodSeconds:int64* labels:{}string annotations:{}string "
    "ownerReferences:[]OwnerReference:uid finalizers:[]string:- "
    "managedFields:[]ManagedFieldsEntry",
    "NamespaceSpec finalizers:[]string",
    "NamespaceStatus phase:string conditions:[]NamespaceCondition:type",
    "NodeSpec podCIDR:string podCIDRs:[]string:- providerID:string unschedulable:bool "
    "taints:[]Taint configSource:NodeConfigSource* externalID:string",
    "NodeStatus capacity:{}quantity allocatable:{}quantity phase:string "
    "conditions:[]NodeCondition:type addresses:[]NodeAddress:type "
    "daemonEndpoints:NodeDaemonEndpoints! nodeInfo:NodeSystemInfo! images:[]ContainerImage "
    "volumesInUse:[]string volumesAttached:[]AttachedVolume config:NodeConfigStatus* "
    "runtimeHandlers:[]NodeRuntimeHandler features:NodeFeatures*",
    "PodSpec volumes:[]Volume:=name initContainers:[]Container:name "
    "containers:[]Container!:name ephemeralContainers:[]EphemeralContainer:name "
    "restartPolicy:string terminationGracePeriodSeconds:int64* activeDeadlineSeconds:int64* "
    "dnsPolicy:string nodeSelector:{}string serviceAccountName:string serviceAccount:string "
    "automountServiceAccountToken:bool* nodeName:string hostNetwork:bool hostPID:bool "
    "hostIPC:bool shareProcessNamespace:bool* securityContext:PodSecurityContext* "
    "imagePullSecrets:[]LocalObjectReference:name hostname:string subdomain:string "
    "affinity:Affinity* schedulerName:string tolerations:[]Toleration "
    "hostAliases:[]HostAlias:ip priorityClassName:string priority:int32* "
    "dnsConfig:PodDNSConfig* readinessGates:[]PodReadinessGate runtimeClassName:string* "
    "enableServiceLinks:bool* preemptionPolicy:string* overhead:{}quantity "
    "topologySpreadConstraints:[]TopologySpreadConstraint:topologyKey setHostnameAsFQDN:bool* "
    "os:PodOS* hostUsers:bool* schedulingGates:[]PodSchedulingGate:name "
    "resourceClaims:[]PodResourceClaim:=name resources:ResourceRequirements*",
    "PodStatus phase:string conditions:[]PodCondition:type message:string reason:string "
    "nominatedNodeName:string hostIP:string hostIPs:[]HostIP podIP:string podIPs:[]PodIP:ip "
    "startTime:time* initContainerStatuses:[]ContainerStatus "
    "containerStatuses:[]ContainerStatus qosClass:string "
    "ephemeralContainerStatuses:[]ContainerStatus resize:string "
    "resourceClaimStatuses:[]PodResourceClaimStatus:=name",
    "ServiceSpec ports:[]ServicePort:port selector:{}string clusterIP:string "
    "clusterIPs:[]string type:string externalIPs:[]string sessionAffinity:string "
    "loadBalancerIP:string loadBalancerSourceRanges:[]string externalName:string "
    "externalTrafficPolicy:string healthCheckNodePort:int32 publishNotReadyAddresses:bool "
    "sessionAffinityConfig:SessionAffinityConfig* ipFamilies:[]string ipFamilyPolicy:string* "
    "allocateLoadBalancerNodePorts:bool* loadBalancerClass:string* "
    "internalTrafficPolicy:string* trafficDistribution:string*",
    "ServiceStatus loadBalancer:LoadBalancerStatus! conditions:[]Condition:type",
    "EndpointSubset addresses:[]EndpointAddress notReadyAddresses:[]EndpointAddress "
    "ports:[]EndpointPort",
    "ObjectReference kind:string namespace:string name:string uid:string apiVersion:string "
    "resourceVersion:string fieldPath:string",
    "LocalObjectReference name:string",
    "EventSource component:string host:string",
    "EventSeries count:int32 lastObservedTime:microtime!",
    "LeaseSpec holderIdentity:string* leaseDurationSeconds:int32* acquireTime:microtime* "
    "renewTime:microtime* leaseTransitions:int32* strategy:string* preferredHolder:string*",
    "DaemonSetSpec selector:LabelSelector!* template:PodTemplateSpec! "
    "updateStrategy:DaemonSetUpdateStrategy! minReadySeconds:int32 revisionHistoryLimit:int32*",
    "DaemonSetStatus currentNumberScheduled:int32! numberMisscheduled:int32! "
    "desiredNumberScheduled:int32! numberReady:int32! observedGeneration:int64 "
    "updatedNumberScheduled:int32 numberAvailable:int32 numberUnavailable:int32 "
    "collisionCount:int32* conditions:[]DaemonSetCondition:type",
    "DeleteOptions gracePeriodSeconds:int64* preconditions:Preconditions* "
    "orphanDependents:bool* propagationPolicy:string* dryRun:[]string",
    "OwnerReference apiVersion:string! kind:string! name:string! uid:string! controller:bool* "
    "blockOwnerDeletion:bool*",
    "ManagedFieldsEntry manager:string operation:string apiVersion:string time:time* "
    "fieldsType:string fieldsV1:raw*",
    "NamespaceCondition type:string! status:string! lastTransitionTime:time! reason:string "
    "message:string",
    "Taint key:string! value:string effect:string! timeAdded:time*",
    "NodeConfigSource configMap:ConfigMapNodeConfigSource*",
    "NodeCondition type:string! status:string! lastHeartbeatTime:time! "
    "lastTransitionTime:time! reason:string message:string",
    "NodeAddress type:string! address:string!",
    "NodeDaemonEndpoints kubeletEndpoint:DaemonEndpoint!",
    "NodeSystemInfo machineID:string! systemUUID:string! bootID:string! kernelVersion:string! "
    "osImage:string! containerRuntimeVersion:string! kubeletVersion:string! "
    "kubeProxyVersion:string! operatingSystem:string! architecture:string!",
    "ContainerImage names:[]string! sizeBytes:int64",
    "AttachedVolume name:string! devicePath:string!",
    "NodeConfigStatus assigned:NodeConfigSource* active:NodeConfigSource* "
    "lastKnownGood:NodeConfigSource* error:string",
    "Volume name:string! hostPath:HostPathVolumeSource* emptyDir:EmptyDirVolumeSource* "
    "gcePersistentDisk:GCEPersistentDiskVolumeSource* "
    "awsElasticBlockStore:AWSElasticBlockStoreVolumeSource* gitRepo:GitRepoVolumeSource* "
    "secret:SecretVolumeSource* nfs:NFSVolumeSource* iscsi:ISCSIVolumeSource* "
    "glusterfs:GlusterfsVolumeSource* "
    "persistentVolumeClaim:PersistentVolumeClaimVolumeSource* rbd:RBDVolumeSource* "
    "flexVolume:FlexVolumeSource* cinder:CinderVolumeSource* cephfs:CephFSVolumeSource* "
    "flocker:FlockerVolumeSource* downwardAPI:DownwardAPIVolumeSource* fc:FCVolumeSource* "
    "azureFile:AzureFileVolumeSource* configMap:ConfigMapVolumeSource* "
    "vsphereVolume:VsphereVirtualDiskVolumeSource* quobyte:QuobyteVolumeSource* "
    "azureDisk:AzureDiskVolumeSource* photonPersistentDisk:PhotonPersistentDiskVolumeSource* "
    "projected:ProjectedVolumeSource* portworxVolume:PortworxVolumeSource* "
    "scaleIO:ScaleIOVolumeSource* storageos:StorageOSVolumeSource* csi:CSIVolumeSource* "
    "ephemeral:EphemeralVolumeSource* image:ImageVolumeSource*",
    "Container name:string! image:string command:[]string args:[]string workingDir:string "
    "ports:[]ContainerPort:containerPort envFrom:[]EnvFromSource env:[]EnvVar:name "
    "resources:ResourceRequirements! resizePolicy:[]ContainerResizePolicy "
    "restartPolicy:string* volumeMounts:[]VolumeMount:mountPath "
    "volumeDevices:[]VolumeDevice:devicePath livenessProbe:Probe* readinessProbe:Probe* "
    "startupProbe:Probe* lifecycle:Lifecycle* terminationMessagePath:string "
    "terminationMessagePolicy:string imagePullPolicy:string securityContext:SecurityContext* "
    "stdin:bool stdinOnce:bool tty:bool",
    "EphemeralContainer name:string! image:string command:[]string args:[]string "
    "workingDir:string ports:[]ContainerPort:containerPort envFrom:[]EnvFromSource "
    "env:[]EnvVar:name resources:ResourceRequirements! resizePolicy:[]ContainerResizePolicy "
    "restartPolicy:string* volumeMounts:[]VolumeMount:mountPath "
    "volumeDevices:[]VolumeDevice:devicePath livenessProbe:Probe* readinessProbe:Probe* "
    "startupProbe:Probe* lifecycle:Lifecycle* terminationMessagePath:string "
    "terminationMessagePolicy:string imagePullPolicy:string securityContext:SecurityContext* "
    "stdin:bool stdinOnce:bool tty:bool targetContainerName:string",
    "PodSecurityContext seLinuxOptions:SELinuxOptions* "
    "windowsOptions:WindowsSecurityContextOptions* runAsUser:int64* runAsGroup:int64* "
    "runAsNonRoot:bool* supplementalGroups:[]int64 supplementalGroupsPolicy:string* "
    "fsGroup:int64* sysctls:[]Sysctl fsGroupChangePolicy:string* "
    "seccompProfile:SeccompProfile* appArmorProfile:AppArmorProfile* "
    "seLinuxChangePolicy:string*",
    "Affinity nodeAffinity:NodeAffinity* podAffinity:PodAffinity* "
    "podAntiAffinity:PodAntiAffinity*",
    "Toleration key:string operator:string value:string effect:string tolerationSeconds:int64*",
    "HostAlias ip:string hostnames:[]string",
    "PodDNSConfig nameservers:[]string searches:[]string options:[]PodDNSConfigOption",
    "PodReadinessGate conditionType:string!",
    "TopologySpreadConstraint maxSkew:int32! topologyKey:string! whenUnsatisfiable:string! "
    "labelSelector:LabelSelector* minDomains:int32* nodeAffinityPolicy:string* "
    "nodeTaintsPolicy:string* matchLabelKeys:[]string",
    "PodCondition type:string! status:string! lastProbeTime:time! lastTransitionTime:time! "
    "reason:string message:string",
    "PodIP ip:string",
    "ContainerStatus name:string! state:ContainerState! lastState:ContainerState! ready:bool! "
    "restartCount:int32! image:string! imageID:string! containerID:string started:bool* "
    "allocatedResources:{}quantity resources:ResourceRequirements* "
    "volumeMounts:[]VolumeMountStatus:mountPath",
    "ServicePort name:string protocol:string appProtocol:string* port:int32! "
    "targetPort:intstr! nodePort:int32",
    "SessionAffinityConfig clientIP:ClientIPConfig*",
    "LoadBalancerStatus ingress:[]LoadBalancerIngress",
    "Condition type:string! status:string! observedGeneration:int64 lastTransitionTime:time! "
    "reason:string! message:string!",
    "EndpointAddress ip:string! hostname:string nodeName:string* targetRef:ObjectReference*",
    "EndpointPort name:string port:int32! protocol:string appProtocol:string*",
    "LabelSelector matchLabels:{}string matchExpressions:[]LabelSelectorRequirement",
    "PodTemplateSpec metadata:ObjectMeta! spec:PodSpec!",
    "DaemonSetUpdateStrategy type:string rollingUpdate:RollingUpdateDaemonSet*",
    "DaemonSetCondition type:string! status:string! lastTransitionTime:time! reason:string "
    "message:string",
    "Preconditions uid:string* resourceVersion:string*",
    "ConfigMapNodeConfigSource namespace:string! name:string! uid:string "
    "resourceVersion:string kubeletConfigKey:string!",
    "DaemonEndpoint Port:int32!",
    "HostPathVolumeSource path:string! type:string*",
    "EmptyDirVolumeSource medium:string sizeLimit:quantity*",
    "GCEPersistentDiskVolumeSource pdName:string! fsType:string partition:int32 readOnly:bool",
    "AWSElasticBlockStoreVolumeSource volumeID:string! fsType:string partition:int32 "
    "readOnly:bool",
    "GitRepoVolumeSource repository:string! revision:string directory:string",
    "SecretVolumeSource secretName:string items:[]KeyToPath defaultMode:int32* optional:bool*",
    "NFSVolumeSource server:string! path:string! readOnly:bool",
    "ISCSIVolumeSource targetPortal:string! iqn:string! lun:int32! iscsiInterface:string "
    "fsType:string readOnly:bool portals:[]string chapAuthDiscovery:bool chapAuthSession:bool "
    "secretRef:LocalObjectReference* initiatorName:string*",
    "GlusterfsVolumeSource endpoints:string! path:string! readOnly:bool",
    "PersistentVolumeClaimVolumeSource claimName:string! readOnly:bool",
    "RBDVolumeSource monitors:[]string! image:string! fsType:string pool:string user:string "
    "keyring:string secretRef:LocalObjectReference* readOnly:bool",
    "FlexVolumeSource driver:string! fsType:string secretRef:LocalObjectReference* "
    "readOnly:bool options:{}string",
    "CinderVolumeSource volumeID:string! fsType:string readOnly:bool "
    "secretRef:LocalObjectReference*",
    "CephFSVolumeSource monitors:[]string! path:string user:string secretFile:string "
    "secretRef:LocalObjectReference* readOnly:bool",
    "FlockerVolumeSource datasetName:string datasetUUID:string",
    "DownwardAPIVolumeSource items:[]DownwardAPIVolumeFile defaultMode:int32*",
    "FCVolumeSource targetWWNs:[]string lun:int32* fsType:string readOnly:bool wwids:[]string",
    "AzureFileVolumeSource secretName:string! shareName:string! readOnly:bool",
    "ConfigMapVolumeSource name:string items:[]KeyToPath defaultMode:int32* optional:bool*",
    "VsphereVirtualDiskVolumeSource volumePath:string! fsType:string storagePolicyName:string "
    "storagePolicyID:string",
    "QuobyteVolumeSource registry:string! volume:string! readOnly:bool user:string "
    "group:string tenant:string",
    "AzureDiskVolumeSource diskName:string! diskURI:string! cachingMode:string* "
    "fsType:string* readOnly:bool* kind:string*",
    "PhotonPersistentDiskVolumeSource pdID:string! fsType:string",
    "ProjectedVolumeSource sources:[]VolumeProjection! defaultMode:int32*",
    "PortworxVolumeSource volumeID:string! fsType:string readOnly:bool",
    "ScaleIOVolumeSource gateway:string! system:string! secretRef:LocalObjectReference!* "
    "sslEnabled:bool protectionDomain:string storagePool:string storageMode:string "
    "volumeName:string fsType:string readOnly:bool",
    "StorageOSVolumeSource volumeName:string volumeNamespace:string fsType:string "
    "readOnly:bool secretRef:LocalObjectReference*",
    "CSIVolumeSource driver:string! readOnly:bool* fsType:string* volumeAttributes:{}string "
    "nodePublishSecretRef:LocalObjectReference*",
    "EphemeralVolumeSource volumeClaimTemplate:PersistentVolumeClaimTemplate*",
    "ContainerPort name:string hostPort:int32 containerPort:int32! protocol:string "
    "hostIP:string",
    "EnvFromSource prefix:string configMapRef:ConfigMapEnvSource* secretRef:SecretEnvSource*",
    "EnvVar name:string! value:string valueFrom:EnvVarSource*",
    "ResourceRequirements limits:{}quantity requests:{}quantity claims:[]ResourceClaim",
    "VolumeMount name:string! readOnly:bool recursiveReadOnly:string* mountPath:string! "
    "subPath:string mountPropagation:string* subPathExpr:string",
    "VolumeDevice name:string! devicePath:string!",
    "Probe exec:ExecAction* httpGet:HTTPGetAction* tcpSocket:TCPSocketAction* "
    "grpc:GRPCAction* initialDelaySeconds:int32 timeoutSeconds:int32 periodSeconds:int32 "
    "successThreshold:int32 failureThreshold:int32 terminationGracePeriodSeconds:int64*",
    "Lifecycle postStart:LifecycleHandler* preStop:LifecycleHandler*",
    "SecurityContext capabilities:Capabilities* privileged:bool* "
    "seLinuxOptions:SELinuxOptions* windowsOptions:WindowsSecurityContextOptions* "
    "runAsUser:int64* runAsGroup:int64* runAsNonRoot:bool* readOnlyRootFilesystem:bool* "
    "allowPrivilegeEscalation:bool* procMount:string* seccompProfile:SeccompProfile* "
    "appArmorProfile:AppArmorProfile*",
    "SELinuxOptions user:string role:string type:string level:string",
    "WindowsSecurityContextOptions gmsaCredentialSpecName:string* gmsaCredentialSpec:string* "
    "runAsUserName:string* hostProcess:bool*",
    "Sysctl name:string! value:string!",
    "SeccompProfile type:string! localhostProfile:string*",
    "NodeAffinity requiredDuringSchedulingIgnoredDuringExecution:NodeSelector* "
    "preferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm",
    "PodAffinity requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm "
    "preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm",
    "PodAntiAffinity requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm "
    "preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm",
    "PodDNSConfigOption name:string value:string*",
    "ContainerState waiting:ContainerStateWaiting* running:ContainerStateRunning* "
    "terminated:ContainerStateTerminated*",
    "ClientIPConfig timeoutSeconds:int32*",
    "LoadBalancerIngress ip:string hostname:string ipMode:string* ports:[]PortStatus",
    "LabelSelectorRequirement key:string!:key operator:string! values:[]string",
    "RollingUpdateDaemonSet maxUnavailable:intstr* maxSurge:intstr*",
    "KeyToPath key:string! path:string! mode:int32*",
    "DownwardAPIVolumeFile path:string! fieldRef:ObjectFieldSelector* "
    "resourceFieldRef:ResourceFieldSelector* mode:int32*",
    "VolumeProjection secret:SecretProjection* downwardAPI:DownwardAPIProjection* "
    "configMap:ConfigMapProjection* serviceAccountToken:ServiceAccountTokenProjection* "
    "clusterTrustBundle:ClusterTrustBundleProjection*",
    "PersistentVolumeClaimTemplate metadata:ObjectMeta! spec:PersistentVolumeClaimSpec!",
    "ConfigMapEnvSource name:string optional:bool*",
    "SecretEnvSource name:string optional:bool*",
    "EnvVarSource fieldRef:ObjectFieldSelector* resourceFieldRef:ResourceFieldSelector* "
    "configMapKeyRef:ConfigMapKeySelector* secretKeyRef:SecretKeySelector*",
    "ExecAction command:[]string",
    "HTTPGetAction path:string port:intstr! host:string scheme:string httpHeaders:[]HTTPHeader",
    "TCPSocketAction port:intstr! host:string",
    "LifecycleHandler exec:ExecAction* httpGet:HTTPGetAction* tcpSocket:TCPSocketAction* "
    "sleep:SleepAction*",
    "Capabilities add:[]string drop:[]string",
    "NodeSelector nodeSelectorTerms:[]NodeSelectorTerm!",
    "PreferredSchedulingTerm weight:int32! preference:NodeSelectorTerm!",
    "PodAffinityTerm labelSelector:LabelSelector* namespaces:[]string topologyKey:string! "
    "namespaceSelector:LabelSelector* matchLabelKeys:[]string mismatchLabelKeys:[]string",
    "WeightedPodAffinityTerm weight:int32! podAffinityTerm:PodAffinityTerm!",
    "ContainerStateWaiting reason:string message:string",
    "ContainerStateRunning startedAt:time!",
    "ContainerStateTerminated exitCode:int32! signal:int32 reason:string message:string "
    "startedAt:time! finishedAt:time! containerID:string",
    "PortStatus port:int32! protocol:string! error:string*",
    "ObjectFieldSelector apiVersion:string fieldPath:string!",
    "ResourceFieldSelector containerName:string resource:string! divisor:quantity!",
    "SecretProjection name:string items:[]KeyToPath optional:bool*",
    "DownwardAPIProjection items:[]DownwardAPIVolumeFile",
    "ConfigMapProjection name:string items:[]KeyToPath optional:bool*",
    "ServiceAccountTokenProjection audience:string expirationSeconds:int64* path:string!",
    "PersistentVolumeClaimSpec accessModes:[]string selector:LabelSelector* "
    "resources:ResourceRequirements! volumeName:string storageClassName:string* "
    "volumeMode:string* dataSource:TypedLocalObjectReference* "
    "dataSourceRef:TypedObjectReference* volumeAttributesClassName:string*",
    "ConfigMapKeySelector name:string key:string! optional:bool*",
    "SecretKeySelector name:string key:string! optional:bool*",
    "HTTPHeader name:string! value:string!",
    "NodeSelectorTerm matchExpressions:[]NodeSelectorRequirement "
    "matchFields:[]NodeSelectorRequirement",
    "TypedLocalObjectReference apiGroup:string!* kind:string! name:string!",
    "NodeSelectorRequirement key:string! operator:string! values:[]string",
    "PodOS name:string!",
    "PodSchedulingGate name:string!",
    "PodResourceClaim name:string! resourceClaimName:string* resourceClaimTemplateName:string*",
    "ContainerResizePolicy resourceName:string! restartPolicy:string!",
    "ResourceClaim name:string! request:string",
    "GRPCAction port:int32! service:string!*",
    "SleepAction seconds:int64!",
    "AppArmorProfile type:string! localhostProfile:string*",
    "HostIP ip:string!",
    "PodResourceClaimStatus name:string! resourceClaimName:string*",
    "VolumeMountStatus name:string! mountPath:string! readOnly:bool recursiveReadOnly:string*",
    "ImageVolumeSource reference:string pullPolicy:string",
    "ClusterTrustBundleProjection name:string* signerName:string* "
    "labelSelector:LabelSelector* optional:bool* path:string!",
    "TypedObjectReference apiGroup:string!* kind:string! name:string! namespace:string*",
    "NodeRuntimeHandler name:string! features:NodeRuntimeHandlerFeatures*",
    "NodeRuntimeHandlerFeatures recursiveReadOnlyMounts:bool* userNamespaces:bool*",
    "NodeFeatures supplementalGroupsPolicy:bool*",
    NULL,
};
