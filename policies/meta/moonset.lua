-- SPDX-License-Identifier: Apache-2.0
-- What policies may use, for the Lua language server. Made by `moonset policy doc --stubs`:
-- change the tables in core/policy, not this file.
---@meta

---@alias Effect "NoSchedule"|"PreferNoSchedule"|"NoExecute"

---What a policy returns.
---@class Policy
---@field api 1 the only version there is
---@field name? string must be what the file makes of it
---@field params? table<string, Param> seen as set.params
---@field replaces? string[] hooks whose stock policy is not asked as well
---@field creates? boolean missing pods are made when update says so, not by themselves
---@field fields? string[] JSON pointers to what node:raw is to read
---@field events? string[] what on_event is told of: "pod_failed", …
---@field queries? table<string, Query> what analyze is shown the answers of
---@field analyze_failures? integer so many times "fail" in a row; 3 without
---@field on_fail? "pause"|"rollback" what becomes of the update then; "pause" without
---@field soak? string|integer how long to go on after the last pod; "5m" without
---@field select? fun(node: Node, set: Set): (boolean|"keep")?, string? May the daemon run on this node? true, false, "keep" (make none, remove none) or nil (no opinion); then a reason. Pure. When it fails: the node keeps its previous decision.
---@field tolerations? fun(set: Set): TolerationEntry[]? What do its pods tolerate beside what their template says? Pure. When it fails: the previous list stays.
---@field rank? fun(node: Node, set: Set): number|string|(number|string)[] Where does the node stand in the order of work? Ascending, numbers before texts. Pure. When it fails: the node is neutral.
---@field health? fun(pod: Pod, set: Set): "ready"|"progressing"|"failed", string? Is a pod that Kubernetes calls ready really of use? Then a reason. Pure. When it fails: ready.
---@field gate? fun(roll: Roll, set: Set): boolean, string?, integer? May pods that serve be disturbed now? true; or false, a reason and the seconds until it is to be asked again. When it fails: closed.
---@field update? fun(roll: Roll, set: Set) Which outdated pods go now? Records actions. When it fails: nothing is disturbed this time.
---@field mutate? fun(pod: MadePod, node: Node, set: Set) What is this node's pod made of: which revision, which edits? Records them. Pure. When it fails: no pod is made or replaced on that node.
---@field analyze? fun(samples: table<string, Sample>, roll: Roll, set: Set): "pass"|"wait"|"fail", string? How does the update do, by the answers to `queries`? Then a reason. When it fails: wait; several times in a row: the update is paused.
---@field status? fun(roll: Roll, set: Set): StatusAnswer? What is to be said of the set? { message =, conditions = { { type =, status =, reason =, message = } } }. When it fails: what was said before stays.
---@field on_event? fun(event: Event, set: Set): integer? One of `events` has happened. Answers the seconds until the set is to be looked at again, or nothing. When it fails: nothing comes of it.

---A parameter that a policy declares.
---@class Param
---@field type "string"|"integer"|"number"|"boolean"|"duration"|"intstr"|"selector"|"list"
---@field default? any of that type
---@field required? boolean a set without it is left as it is
---@field one_of? string[] the words that a string may be
---@field doc? string shown by policy doc

---What a policy asks a provider of figures.
---@class Query
---@field provider string "prometheus"
---@field query string with {{namespace}}, {{name}}, {{revision}}, {{param.NAME}}, … filled in
---@field every string|integer "30s"
---@field timeout? string|integer 10 s without, and never longer than `every`

---The answer to a query.
---@class Sample
---@field at integer its time
---@field series Series[]
---@field value? number with exactly one of them
---@field error? string why there is no value

---A figure with its labels.
---@class Series
---@field labels table<string, string>
---@field value? number nil: see error
---@field error? string the value is not a number

---A toleration as scripts write it.
---@class TolerationEntry
---@field key? string
---@field operator? "Exists"|"Equal"
---@field value? string
---@field effect? Effect
---@field seconds? integer with NoExecute

---A condition that a policy wants the set to have.
---@class StatusCondition
---@field type string a qualified name; Policy… and moonset.dev/… are moonset's own
---@field status boolean|"True"|"False"
---@field reason? string one word
---@field message? string

---What is to be said of the set.
---@class StatusAnswer
---@field message? string the condition PolicyStatus
---@field conditions? StatusCondition[] at most 8

---What a walk is to give.
---@class Filter
---@field available? boolean the pod is available
---@field ready? boolean the pod is ready
---@field paired? boolean the node has both an old and a new pod
---@field wanted? boolean the node is to run the daemon
---@field waiting? boolean the node waits for roll:create
---@field zone? string
---@field selector? Selector|string of labels of the node
---@field order? string|string[] rank, zone, age, name; by rank, then name, without
---@field limit? integer

---What is to be counted.
---@class CountFilter: Filter
---@field state "outdated"|"updated"|"failed"|"missing"|"deleting"|"draining"
---@field by? string zone, region, arch, os or the key of a label of nodes

---What a drain may do beside.
---@class DrainOptions
---@field unmanaged? boolean pods that nobody would make again may go
---@field local_data? boolean pods with an emptyDir may go
---@field grace? integer seconds that pods have to end; their own without

---A version in its parts.
---@class Version
---@field major integer
---@field minor integer
---@field patch integer
---@field pre string rc.1 of 1.2.3-rc.1

---What calendar and clock say.
---@class Date
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field minute integer
---@field second integer
---@field weekday string Sun, Mon, …

---A node.
---@class Node
---@field name string
---@field uid string
---@field labels Labels
---@field annotations Labels
---@field taints Taints
---@field unschedulable boolean cordoned
---@field ready boolean its condition Ready is True
---@field conditions Conditions
---@field capacity Amounts
---@field allocatable Amounts capacity without what the system keeps
---@field created integer when it was made
---@field zone string? of the label topology.kubernetes.io/zone
---@field region string? of the label topology.kubernetes.io/region
---@field arch string? amd64, arm64, …
---@field os string? linux, windows
---@field kubelet string? version of its kubelet, as v1.30.2
---@field deleting boolean it is about to go
---@field pod Pod? in a roll: the set's pod on it, of two the outdated one
---@field drain "draining"|"drained"|"lifted"|nil in a roll: how far roll:drain is; "lifted": somebody has uncordoned it since
---@field drain_since integer? in a roll: when it was cordoned for that
---@field drain_waits_for string? in a roll: what is in the way
---@field raw fun(self: Node, pointer: string): any a field that the policy declares in `fields`

---A pod of the set.
---@class Pod
---@field name string
---@field uid string
---@field node Node? nil when the node is not known
---@field node_name string of its node
---@field phase string Pending, Running, Succeeded, Failed or Unknown
---@field ready boolean as Kubernetes says
---@field available boolean ready for minReadySeconds, and healthy
---@field outdated boolean it is not what its node wants
---@field health "ready"|"progressing"|"failed" what the hook health said; "ready" without one
---@field deleting boolean it is about to go
---@field revision string? hash of the template it was made from
---@field created integer when it was made
---@field ready_since integer? nil while it is not ready
---@field restarts integer of all its containers
---@field reason string? why it is in its phase, as Evicted
---@field labels Labels
---@field images string? of its containers
---@field partner Pod? the other pod of the node, while both are there

---The set (DaemonSet) a hook is asked about.
---@class Set
---@field kind string DaemonSet
---@field name string
---@field namespace string
---@field uid string
---@field generation integer goes up with every change of its spec
---@field labels Labels
---@field annotations Labels
---@field params table<string, any> the parameters the policy declares
---@field template Template
---@field selector Selector? of its pods
---@field node_selector Labels of its template
---@field affinity table<string, any>? of its template, as it is written there
---@field tolerations Tolerations of its pods: the template's and the hook's
---@field strategy string RollingUpdate or OnDelete
---@field min_ready_seconds integer how long a pod must be ready to be available
---@field desired integer number of nodes that should run it
---@field revision string hash of its template; "" while it is not known

---What a set's pods are made from.
---@class Template
---@field labels Labels
---@field node_name string? set only where somebody pins all pods to one node
---@field host_network boolean
---@field tolerations Tolerations as written, without what hooks add

---An update of a set under way: how far it is, and what is to be done.
---@class Roll
---@field now integer the time
---@field started integer when the current revision came; 0: not known
---@field revision string hash of the current template
---@field previous_revision string "" without
---@field max_unavailable integer a number of nodes
---@field max_surge integer a number of nodes
---@field unavailable integer nodes without an available pod
---@field surging integer nodes where a new pod is beside an old one
---@field available integer nodes with an available pod
---@field desired integer nodes that should have one
---@field rolled_back boolean the current revision is one that a policy went back to
---@field paused string? why the set says that it is paused
---@field left integer max_unavailable - unavailable, not below 0
---@field surge_left integer max_surge - surging, not below 0
---@field counts Counts
---@field outdated fun(self: Roll, filter?: Filter): (fun(): Pod?) walk the pods of other revisions
---@field updated fun(self: Roll, filter?: Filter): (fun(): Pod?) walk the pods of the current revision
---@field failed fun(self: Roll, filter?: Filter): (fun(): Pod?) walk the pods in phase Failed, and those health calls failed
---@field missing fun(self: Roll, filter?: Filter): (fun(): Node?) walk the nodes that should have a pod and have none
---@field deleting fun(self: Roll, filter?: Filter): (fun(): Node?) walk the nodes with a pod that is going
---@field draining fun(self: Roll, filter?: Filter): (fun(): Node?) walk the nodes that the set has cordoned
---@field count fun(self: Roll, filter: CountFilter): integer|table<string, integer> how many; by zone, … with by
---@field replace fun(self: Roll, pod: Pod, why: string): boolean, string? delete an outdated pod; its node gets a new one when it is gone
---@field delete fun(self: Roll, pod: Pod, why: string): boolean, string? delete an outdated pod that needs no successor
---@field surge fun(self: Roll, where: Node|Pod, why: string): boolean, string? a new pod beside the outdated one
---@field create fun(self: Roll, node: Node, why: string): boolean, string? make the pod that a node waits for (only with creates = true)
---@field patch_image fun(self: Roll, pod: Pod, why: string): boolean, string? give an outdated pod the new images in place, if only they differ
---@field drain fun(self: Roll, node: Node, why: string, options?: DrainOptions): boolean, string? cordon a node and evict its pods; asked each time, as long as that is wanted
---@field uncordon fun(self: Roll, node: Node, why: string): boolean, string? give a node back that was drained
---@field again fun(self: Roll, seconds: integer, why: string) ask again then; without it, in 30 s
---@field pause fun(self: Roll, why: string) disturb no pod of this revision any more, until somebody lifts it
---@field rollback fun(self: Roll, why: string) back to the revision before

---How many nodes are how far.
---@class Counts
---@field desired integer nodes that should have a pod
---@field current integer of these: with a pod
---@field ready integer with a ready one
---@field available integer with an available one
---@field updated integer with one of the current revision
---@field outdated integer nodes with a pod of another revision
---@field missing integer without any
---@field failed integer nodes with a failed pod
---@field creating integer nodes whose pod is being made
---@field draining integer nodes that the set has cordoned
---@field waiting integer nodes that wait for roll:create

---Labels or annotations: texts by key.
---@class Labels
---@field [string] string?

---A list of taints.
---@class Taints
---@field [integer] Taint?

---A taint of a node.
---@class Taint
---@field key string
---@field value string
---@field effect string NoSchedule, PreferNoSchedule or NoExecute

---The conditions of a node, by type.
---@class Conditions
---@field [string] Condition?

---A condition of a node.
---@class Condition
---@field type string Ready, DiskPressure, …
---@field status "True"|"False"|"Unknown"
---@field reason string? one word
---@field since integer when the status came

---Quantities by resource: cpu, memory, …
---@class Amounts
---@field [string] Quantity?

---A list of tolerations.
---@class Tolerations
---@field [integer] Toleration?

---What pods put up with.
---@class Toleration
---@field key string "": every key
---@field operator string Equal or Exists; "" is Equal
---@field value string
---@field effect string "": every effect
---@field seconds integer? how long a pod may stay; nil: for ever

---The pod that a node is to have; only the hook mutate sees it.
---@class MadePod
---@field set fun(self: MadePod, pointer: string, value: any) put a value into the template: a JSON pointer, in which name=x is an element of a list
---@field remove fun(self: MadePod, pointer: string) take something out of the template
---@field label fun(self: MadePod, key: string, value?: string) nil takes it away
---@field annotation fun(self: MadePod, key: string, value?: string) nil takes it away
---@field image fun(self: MadePod, container: string, image: string)
---@field env fun(self: MadePod, container: string, name: string, value: any) nil takes it away
---@field resources fun(self: MadePod, container: string, resources: table) { requests = { cpu = "100m" }, limits = { memory = quantity } }
---@field skip fun(self: MadePod, why: string) make no pod here, and replace none, for now
---@field revision fun(self: MadePod, which: "stable"|"current"|string) of which revision the pod is; the first policy that says it decides

---Something that has happened to a pod of the set or to a node.
---@class Event
---@field type string one of the policy's `events`
---@field at integer when moonset has seen it
---@field now integer the time of this call; several things may have waited for it
---@field node Node? as it is now; nil when it is gone or not known
---@field node_name string? nil for a pod whose node is not known
---@field pod Pod? as it was then; nil when it happened to a node

---A label selector.
---@class Selector
---@field matches fun(self: Selector, x: Node|Pod|Set|Labels): boolean does it match the labels of x?

---An amount as Kubernetes writes it: 500m, 64Mi; adds, subtracts and compares.
---@class Quantity
---@field units fun(self: Quantity): integer rounded up
---@field milli fun(self: Quantity): integer thousandths, rounded up
---@operator add(Quantity|string|integer): Quantity
---@operator sub(Quantity|string|integer): Quantity
---@operator mul(integer): Quantity
---@operator div(integer): Quantity

---Spans of time.
---@class Window
---@field is_open fun(self: Window, now: integer): boolean
---@field opens_in fun(self: Window, now: integer): integer? seconds, 0 when it is open; nil: not within a year
---@field closes_in fun(self: Window, now: integer): integer? seconds, 0 when it is closed; nil: not within a year

---Points of time that come again.
---@class Cron
---@field next fun(self: Cron, now: integer): integer? the first time after now
---@field last fun(self: Cron, now: integer): integer? the last time, now included

---Another set.
---@class Peer
---@field exists fun(self: Peer): boolean is there such a set?
---@field ready_on fun(self: Peer, node: Node|string): boolean? has it a pod on this node that is ready? nil: there is no such set

---What policies call instead of writing it themselves.
---@class moonset
---@field version string
---@field api integer
moonset = {}

---may a policy count on this hook or feature?
---@param name string
---@return boolean
function moonset.has(name) end

---pairs, for who relies on the order: tests shuffle that of pairs
---@generic K, V
---@param t table<K, V>
---@return (fun(t: table<K, V>, k: K?): K?, V?)
function moonset.spairs(t) end

---"a=b,!c,d in (e,f)"
---@param text string
---@return Selector
function moonset.selector(text) end

---nodeSelector and required node affinity of the template
---@param set Set
---@param node Node
---@return boolean
function moonset.affinity_matches(set, node) end

---does one of the list tolerate it?
---@param taint Taint
---@param list Tolerations|Toleration[]|TolerationEntry[]
---@return boolean
function moonset.tolerated(taint, list) end

---the first taint that nothing in the list tolerates; NoSchedule and NoExecute without effects
---@param node Node
---@param list Tolerations|Toleration[]|TolerationEntry[]
---@param effects? Effect|Effect[]
---@return Taint?
function moonset.untolerated(node, list, effects) end

---"500m", "64Mi"
---@param x string|integer|Quantity
---@return Quantity
function moonset.quantity(x) end

---a number, or so many percent of the total: "10%"; up without a third
---@param value string|integer
---@param total integer
---@param round? ("up"|"down")
---@return integer
function moonset.intstr(value, total, round) end

---seconds; "1h30m"
---@param x string|integer
---@return integer
function moonset.duration(x) end

---63 bits, the same for ever
---@param text string
---@param salt? string
---@return integer
function moonset.hash(text, salt) end

---0 … n-1, the same for ever; the only "random" there is
---@param key string
---@param salt string
---@param n integer
---@return integer
function moonset.bucket(key, salt, n) end

---* stands for any bytes, ? for one
---@param pattern string
---@param text string
---@return boolean
function moonset.glob(pattern, text) end

---Versions as semver.org orders them; a leading v and missing parts are fine.
---@class moonset.semver
moonset.semver = {}

---nil when it is no version
---@param text string
---@return Version?
function moonset.semver.parse(text) end

---is a older than b?
---@param a string
---@param b string
---@return boolean
function moonset.semver.lt(a, b) end

---@param a string
---@param b string
---@return boolean
function moonset.semver.eq(a, b) end

---all of ">=1.28 <2"; also ~1.2 ^1.2 1.2 !=1.2
---@param version string
---@param range string
---@return boolean
function moonset.semver.satisfies(version, range) end

---On tables 1…n and on the lists of a view.
---@class moonset.list
moonset.list = {}

---a list of what fn says
---@generic T, U
---@param list T[]
---@param fn fun(item: T, i: integer): U
---@return U[]
function moonset.list.map(list, fn) end

---the entries for which fn says true
---@generic T
---@param list T[]
---@param fn fun(item: T, i: integer): boolean?
---@return T[]
function moonset.list.filter(list, fn) end

---the first entry for which fn says true, and its number
---@generic T
---@param list T[]
---@param fn fun(item: T, i: integer): boolean?
---@return T?
---@return integer?
function moonset.list.find(list, fn) end

---0 without entries
---@generic T
---@param list T[]
---@param fn? (fun(item: T, i: integer): any)
---@return any
function moonset.list.sum(list, fn) end

---the entry with the least value, and the value; the first of equals
---@generic T
---@param list T[]
---@param fn? (fun(item: T, i: integer): any)
---@return T?
---@return any
function moonset.list.min(list, fn) end

---the entry with the greatest value, and the value; the first of equals
---@generic T
---@param list T[]
---@param fn? (fun(item: T, i: integer): any)
---@return T?
---@return any
function moonset.list.max(list, fn) end

---lists by what fn says
---@generic T
---@param list T[]
---@param fn fun(item: T, i: integer): any
---@return table<any, T[]>
function moonset.list.group(list, fn) end

---JSON texts of at most 64 KB.
---@class moonset.json
moonset.json = {}

---a text; keys in order
---@param value any
---@return string
function moonset.json.encode(value) end

---null is nil
---@param text string
---@return any
function moonset.json.decode(text) end

---Scripts have no clock: the time is roll.now. Zones are named as in the time zone database.
---@class moonset.time
moonset.time = {}

---"Mon-Fri 22:00-06:00; 2026-12-24..2027-01-02"; UTC without a zone
---@param text string
---@param zone? string
---@return Window
function moonset.time.window(text, zone) end

---"0 3 * * Mon"
---@param text string
---@param zone? string
---@return Cron
function moonset.time.cron(text, zone) end

---what the calendar says
---@param now integer
---@param zone? string
---@return Date
function moonset.time.date(now, zone) end

---is the node one of the few? Of those that the stock rules allow; the same for ever
---@param node Node
---@param options { count: integer|string, by: string?, among: Selector|string?, salt: string? }
---@return boolean
function moonset.sample(node, options) end

---another set, by "namespace/name"
---@param key string
---@return Peer
function moonset.peer(key) end

---What the policy remembers about the set, at most 8 KB with all others. Not for pure hooks.
---@class moonset.kv
moonset.kv = {}

---nil: there is none
---@param key string
---@return any
function moonset.kv.get(key) end

---what JSON can say; nil removes
---@param key string
---@param value any
function moonset.kv.set(key, value) end

---@param key string
function moonset.kv.del(key) end

---an Event of the set, at most 5 a call; not for pure hooks
---@param type "Normal"|"Warning"
---@param reason string
---@param message string
function moonset.event(type, reason, message) end

---Figures with the labels namespace, set, policy and name, at most 100 a call. Not for pure hooks.
---@class moonset.metric
moonset.metric = {}

---moonset_policy_custom_total
---@param name string
---@param by? number
function moonset.metric.inc(name, by) end

---moonset_policy_custom_value
---@param name string
---@param value number
function moonset.metric.set(name, value) end

---moonset_policy_custom_observed, a histogram
---@param name string
---@param value number
function moonset.metric.observe(name, value) end

---Lines of moonset's log, at most 20 a call.
---@class moonset.log
moonset.log = {}

---@param text any
function moonset.log.debug(text) end

---@param text any
function moonset.log.info(text) end

---@param text any
function moonset.log.warn(text) end

---@param text any
function moonset.log.error(text) end
