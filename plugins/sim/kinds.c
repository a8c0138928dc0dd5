/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kinds.h"

#include <stdio.h>

#include "sim/crd_rules.h"
#include "sim/defaults.h"
#include "sim/strategy.h"
#include "sim/table_cells.h"
#include "sim/validate.h"

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TABLE(name) .columns = moon_sim_columns_##name, .cells = moon_sim_cells_##name

enum {
    BUILT_IN = 16,
    DISRUPTION_BUDGETS = 12
};

static const struct moon_sim_kind KINDS[BUILT_IN];

static const struct moon_sim_kind KINDS[BUILT_IN] = {
    {
        .index = 0,
        .group = "",
        .version = "v1",
        .resource = "configmaps",
        .singular = "configmap",
        .kind = "ConfigMap",
        .short_names = TEXTS("cm"),
        .namespaced = true,
        .validate = moon_sim_validate_config_map,
        .validate_update = moon_sim_validate_config_map_update,
        TABLE(config_map),
    },
    {
        .index = 1,
        .group = "",
        .version = "v1",
        .resource = "endpoints",
        .singular = "endpoints",
        .kind = "Endpoints",
        .short_names = TEXTS("ep"),
        .namespaced = true,
        .creates_on_update = true,
        .set_defaults = moon_sim_defaults_endpoints,
        .validate = moon_sim_validate_endpoints,
        TABLE(endpoints),
    },
    {
        .index = 2,
        .group = "",
        .version = "v1",
        .resource = "events",
        .singular = "event",
        .kind = "Event",
        .short_names = TEXTS("ev"),
        .fields = TEXTS("involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
                        "involvedObject.uid", "involvedObject.apiVersion",
                        "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
                        "reportingComponent", "source", "type"),
        .namespaced = true,
        .creates_on_update = true,
        .validate = moon_sim_validate_event,
        TABLE(event),
    },
    {
        .index = 3,
        .group = "",
        .version = "v1",
        .resource = "namespaces",
        .singular = "namespace",
        .kind = "Namespace",
        .short_names = TEXTS("ns"),
        .fields = TEXTS("status.phase"),
        .has_status = true,
        .names_are_labels = true,
        .returns_deleted = true,
        .set_defaults = moon_sim_defaults_namespace,
        .prepare_create = moon_sim_create_namespace,
        .prepare_update = moon_sim_update_namespace,
        TABLE(namespace),
    },
    {
        .index = 4,
        .group = "",
        .version = "v1",
        .resource = "nodes",
        .singular = "node",
        .kind = "Node",
        .short_names = TEXTS("no"),
        .fields = TEXTS("spec.unschedulable"),
        .has_status = true,
        .keeps_status = true,
        .set_defaults = moon_sim_defaults_node,
        .validate = moon_sim_validate_node,
        .validate_update = moon_sim_validate_node_update,
        TABLE(node),
    },
    {
        .index = 5,
        .group = "",
        .version = "v1",
        .resource = "pods",
        .singular = "pod",
        .kind = "Pod",
        .short_names = TEXTS("po"),
        .fields = TEXTS("spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
                        "spec.serviceAccountName", "spec.hostNetwork", "status.phase",
                        "status.podIP", "status.nominatedNodeName"),
        .namespaced = true,
        .categories = TEXTS("all"),
        .has_status = true,
        .returns_deleted = true,
        .set_defaults = moon_sim_defaults_pod,
        .prepare_create = moon_sim_create_pod,
        .prepare_update = moon_sim_update_pod,
        .validate = moon_sim_validate_pod,
        .validate_update = moon_sim_validate_pod_update,
        .validate_status = moon_sim_validate_pod_status,
        TABLE(pod),
    },
    {
        .index = 6,
        .group = "",
        .version = "v1",
        .resource = "secrets",
        .singular = "secret",
        .kind = "Secret",
        .fields = TEXTS("type"),
        .namespaced = true,
        .set_defaults = moon_sim_defaults_secret,
        .prepare_create = moon_sim_create_secret,
        .prepare_update = moon_sim_update_secret,
        .validate = moon_sim_validate_secret,
        .validate_update = moon_sim_validate_secret_update,
        TABLE(secret),
    },
    {
        .index = 7,
        .group = "",
        .version = "v1",
        .resource = "serviceaccounts",
        .singular = "serviceaccount",
        .kind = "ServiceAccount",
        .short_names = TEXTS("sa"),
        .namespaced = true,
        .returns_deleted = true,
        TABLE(service_account),
    },
    {
        .index = 8,
        .group = "",
        .version = "v1",
        .resource = "services",
        .singular = "service",
        .kind = "Service",
        .short_names = TEXTS("svc"),
        .namespaced = true,
        .categories = TEXTS("all"),
        .has_status = true,
        .names_are_labels = true,
        .returns_deleted = true,
        .set_defaults = moon_sim_defaults_service,
        .prepare_create = moon_sim_create_service,
        .prepare_update = moon_sim_update_service,
        .validate = moon_sim_validate_service,
        .validate_update = moon_sim_validate_service_update,
        TABLE(service),
    },
    {
        .index = 9,
        .group = "apps",
        .version = "v1",
        .resource = "controllerrevisions",
        .singular = "controllerrevision",
        .kind = "ControllerRevision",
        .namespaced = true,
        .validate = moon_sim_validate_controller_revision,
        .validate_update = moon_sim_validate_controller_revision_update,
        TABLE(controller_revision),
    },
    {
        .index = 10,
        .group = "apps",
        .version = "v1",
        .resource = "daemonsets",
        .singular = "daemonset",
        .kind = "DaemonSet",
        .short_names = TEXTS("ds"),
        .namespaced = true,
        .categories = TEXTS("all"),
        .has_status = true,
        .has_generation = true,
        .set_defaults = moon_sim_defaults_daemonset,
        .prepare_create = moon_sim_create_daemonset,
        .prepare_update = moon_sim_update_daemonset,
        .validate = moon_sim_validate_daemonset,
        .validate_update = moon_sim_validate_daemonset_update,
        .validate_status = moon_sim_validate_daemonset_status,
        TABLE(daemonset),
    },
    {
        .index = 11,
        .group = "coordination.k8s.io",
        .version = "v1",
        .resource = "leases",
        .singular = "lease",
        .kind = "Lease",
        .namespaced = true,
        .creates_on_update = true,
        .needs_version = true,
        .validate = moon_sim_validate_lease,
        TABLE(lease),
    },
    {
        .index = DISRUPTION_BUDGETS,
        .group = "policy",
        .version = "v1",
        .resource = "poddisruptionbudgets",
        .singular = "poddisruptionbudget",
        .kind = "PodDisruptionBudget",
        .short_names = TEXTS("pdb"),
        .namespaced = true,
        .has_status = true,
        .has_generation = true,
        .validate = moon_sim_validate_disruption_budget,
        TABLE(disruption_budget),
    },
    {
        .index = 13,
        .group = "scheduling.k8s.io",
        .version = "v1",
        .resource = "priorityclasses",
        .singular = "priorityclass",
        .kind = "PriorityClass",
        .short_names = TEXTS("pc"),
        .has_generation = true,
        .set_defaults = moon_sim_defaults_priority_class,
        .validate = moon_sim_validate_priority_class,
        .validate_update = moon_sim_validate_priority_class_update,
        TABLE(priority_class),
    },
    {
        /* What schedulers before 1.25 list. */
        .index = DISRUPTION_BUDGETS,
        .stored_as = &KINDS[DISRUPTION_BUDGETS],
        .group = "policy",
        .version = "v1beta1",
        .resource = "poddisruptionbudgets",
        .singular = "poddisruptionbudget",
        .kind = "PodDisruptionBudget",
        .short_names = TEXTS("pdb"),
        .namespaced = true,
        .has_status = true,
        .has_generation = true,
        .validate = moon_sim_validate_disruption_budget,
        TABLE(disruption_budget),
    },
    {
        .index = 15,
        .group = "apiextensions.k8s.io",
        .version = "v1",
        .resource = "customresourcedefinitions",
        .singular = "customresourcedefinition",
        .kind = "CustomResourceDefinition",
        .short_names = TEXTS("crd", "crds"),
        .categories = TEXTS("api-extensions"),
        .has_status = true,
        .has_generation = true,
        .needs_version = true,
        .returns_deleted = true,
        .set_defaults = moon_sim_defaults_crd,
        .prepare_create = moon_sim_create_crd,
        .prepare_update = moon_sim_update_crd,
        .prepare_delete = moon_sim_delete_crd,
        .validate = moon_sim_validate_crd,
        .validate_update = moon_sim_validate_crd_update,
    },
};

size_t moon_sim_kind_count(void)
{
    return MOON_ARRAY_SIZE(KINDS);
}

const struct moon_sim_kind *moon_sim_kind_at(size_t index)
{
    moon_assert(index < MOON_ARRAY_SIZE(KINDS) &&
                (KINDS[index].index == index || KINDS[index].stored_as != NULL));
    return &KINDS[index];
}

const struct moon_sim_kind *moon_sim_kind_by_name(const char *group, const char *kind)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(KINDS); i++) {
        if (moon_streq(KINDS[i].group, group) && moon_streq(KINDS[i].kind, kind)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

const char *moon_sim_kind_api_version(const struct moon_sim_kind *kind,
                                      char out[MOON_SIM_API_VERSION_TEXT])
{
    (void)snprintf(out, MOON_SIM_API_VERSION_TEXT, "%s%s%s", kind->group,
                   kind->group[0] != '\0' ? "/" : "", kind->version);
    return out;
}

const char *moon_sim_kind_list(const struct moon_sim_kind *kind, char out[128])
{
    (void)snprintf(out, 128, "%s%s", kind->list_kind != NULL ? kind->list_kind : kind->kind,
                   kind->list_kind != NULL ? "" : "List");
    return out;
}

const struct moon_sim_kind *moon_sim_kind_stored(const struct moon_sim_kind *kind)
{
    return kind->stored_as != NULL ? kind->stored_as : kind;
}
