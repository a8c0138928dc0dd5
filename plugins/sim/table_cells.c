/* SPDX-License-Identifier: Apache-2.0
 *
 * table_cells.c - all kinds but pods (table_pods.c) and Services (table_services.c).
 */
#include "sim/table_cells.h"

#include <ctype.h>
#include <stdlib.h>

#include "sim/times.h"

enum {
    CELL_MAX = 64 << 10
};

static void add_text(cJSON *cells, const char *text)
{
    cJSON_AddItemToArray(cells, cJSON_CreateString(text));
}

static void add_int(cJSON *cells, int64_t value)
{
    cJSON_AddItemToArray(cells, moon_sim_new_int(value));
}

static void add_age(cJSON *cells, const char *time_text, int64_t now_s)
{
    char age[MOON_TIME_TEXT];
    add_text(cells, moon_sim_age(time_text, now_s, age));
}

static void add_name(cJSON *cells, const cJSON *obj)
{
    add_text(cells, moon_sim_text(obj, "metadata.name"));
}

static void add_created(cJSON *cells, const cJSON *obj, int64_t now_s)
{
    add_age(cells, moon_sim_text(obj, "metadata.creationTimestamp"), now_s);
}

/* ---- any ---- */

const struct moon_sim_column moon_sim_columns_any[] = {
    {"Name", "string", 0}, {"Created At", "date", 0}, {NULL, NULL, 0}};

void moon_sim_cells_any(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    (void)now_s;
    add_name(ret_cells, obj);
    add_text(ret_cells, moon_sim_text(obj, "metadata.creationTimestamp"));
}

/* ---- nodes ---- */

const struct moon_sim_column moon_sim_columns_node[] = {{"Name", "string", 0},
                                                        {"Status", "string", 0},
                                                        {"Roles", "string", 0},
                                                        {"Age", "string", 0},
                                                        {"Version", "string", 0},
                                                        {"Internal-IP", "string", 1},
                                                        {"External-IP", "string", 1},
                                                        {"OS-Image", "string", 1},
                                                        {"Kernel-Version", "string", 1},
                                                        {"Container-Runtime", "string", 1},
                                                        {NULL, NULL, 0}};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* node-role.kubernetes.io/<role> and kubernetes.io/role=<role>, sorted, each once. */
static void add_roles(cJSON *cells, const cJSON *labels)
{
    static const char prefix[] = "node-role.kubernetes.io/";
    const char **roles = moon_new_array(const char *, (size_t)cJSON_GetArraySize(labels) + 1);
    size_t count = 0;
    const cJSON *label = NULL;
    cJSON_ArrayForEach (label, labels) {
        const char *role = NULL;
        if (moon_str_starts(moon_str(label->string), prefix)) {
            role = label->string + sizeof(prefix) - 1;
        } else if (moon_streq(label->string, "kubernetes.io/role")) {
            role = cJSON_GetStringValue(label);
        }
        if (role != NULL && role[0] != '\0') {
            roles[count++] = role;
        }
    }
    qsort(roles, count, sizeof(*roles), compare_texts);
    struct moon_buf text = MOON_BUF_INIT(CELL_MAX);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !moon_streq(roles[i], roles[i - 1])) {
            moon_buf_printf(&text, "%s%s", text.len > 0 ? "," : "", roles[i]);
        }
    }
    add_text(cells, count > 0 ? moon_buf_cstr(&text) : "<none>");
    moon_buf_fini(&text);
    moon_free(roles);
}

static const cJSON *find_by_type(const cJSON *list, const char *type)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach (item, list) {
        if (moon_streq(moon_sim_text(item, "type"), type)) {
            return item;
        }
    }
    return NULL;
}

static const char *address(const cJSON *node, const char *type)
{
    const cJSON *found = find_by_type(moon_sim_get(node, "status.addresses"), type);
    return found != NULL ? moon_sim_text(found, "address") : "<none>";
}

static const char *known(const char *text)
{
    return text[0] != '\0' ? text : "<unknown>";
}

void moon_sim_cells_node(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    const cJSON *ready = find_by_type(moon_sim_get(obj, "status.conditions"), "Ready");
    const char *state = ready == NULL                                        ? "Unknown"
                        : moon_streq(moon_sim_text(ready, "status"), "True") ? "Ready"
                                                                             : "NotReady";
    MOON_AUTOFREE char *status = moon_asprintf(
        "%s%s", state, moon_sim_true(obj, "spec.unschedulable") ? ",SchedulingDisabled" : "");
    const cJSON *info = moon_sim_get(obj, "status.nodeInfo");
    add_name(ret_cells, obj);
    add_text(ret_cells, status);
    add_roles(ret_cells, moon_sim_get(obj, "metadata.labels"));
    add_created(ret_cells, obj, now_s);
    add_text(ret_cells, moon_sim_text(info, "kubeletVersion"));
    add_text(ret_cells, address(obj, "InternalIP"));
    add_text(ret_cells, address(obj, "ExternalIP"));
    add_text(ret_cells, known(moon_sim_text(info, "osImage")));
    add_text(ret_cells, known(moon_sim_text(info, "kernelVersion")));
    add_text(ret_cells, known(moon_sim_text(info, "containerRuntimeVersion")));
}

/* ---- daemonsets ---- */

const struct moon_sim_column moon_sim_columns_daemonset[] = {
    {"Name", "string", 0},          {"Desired", "integer", 0},    {"Current", "integer", 0},
    {"Ready", "integer", 0},        {"Up-to-date", "integer", 0}, {"Available", "integer", 0},
    {"Node Selector", "string", 0}, {"Age", "string", 0},         {"Containers", "string", 1},
    {"Images", "string", 1},        {"Selector", "string", 1},    {NULL, NULL, 0}};

/* a=b,c=d in the order of the keys (decoding has sorted them). */
static void print_labels(struct moon_buf *out, const cJSON *labels)
{
    const cJSON *label = NULL;
    cJSON_ArrayForEach (label, labels) {
        moon_buf_printf(out, "%s%s=%s", out->len > 0 ? "," : "", label->string,
                        cJSON_IsString(label) ? label->valuestring : "");
    }
}

static void print_expression(struct moon_buf *out, const cJSON *expression)
{
    const char *operator= moon_sim_text(expression, "operator");
    const char *key = moon_sim_text(expression, "key");
    const cJSON *value = NULL;
    moon_buf_puts(out, out->len > 0 ? "," : "");
    if (moon_streq(operator, "Exists") || moon_streq(operator, "DoesNotExist")) {
        moon_buf_printf(out, "%s%s", moon_streq(operator, "Exists") ? "" : "!", key);
        return;
    }
    moon_buf_printf(out, "%s %s (", key, moon_streq(operator, "In") ? "in" : "notin");
    cJSON_ArrayForEach (value, moon_sim_member(expression, "values")) {
        moon_buf_printf(out, "%s%s", value->prev->next != NULL ? "," : "", value->valuestring);
    }
    moon_buf_putc(out, ')');
}

static void add_labels(cJSON *cells, const cJSON *labels, const cJSON *expressions)
{
    struct moon_buf text = MOON_BUF_INIT(CELL_MAX);
    const cJSON *expression = NULL;
    print_labels(&text, labels);
    cJSON_ArrayForEach (expression, expressions) {
        print_expression(&text, expression);
    }
    add_text(cells, text.len > 0 ? moon_buf_cstr(&text) : "<none>");
    moon_buf_fini(&text);
}

static void add_joined(cJSON *cells, const cJSON *list, const char *member)
{
    struct moon_buf text = MOON_BUF_INIT(CELL_MAX);
    const cJSON *item = NULL;
    cJSON_ArrayForEach (item, list) {
        moon_buf_printf(&text, "%s%s", item != list->child ? "," : "", moon_sim_text(item, member));
    }
    add_text(cells, moon_buf_cstr(&text));
    moon_buf_fini(&text);
}

void moon_sim_cells_daemonset(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    static const char *const counters[] = {"desiredNumberScheduled", "currentNumberScheduled",
                                           "numberReady", "updatedNumberScheduled",
                                           "numberAvailable"};
    const cJSON *status = moon_sim_member(obj, "status");
    const cJSON *spec = moon_sim_get(obj, "spec.template.spec");
    const cJSON *selector = moon_sim_get(obj, "spec.selector");
    add_name(ret_cells, obj);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(counters); i++) {
        add_int(ret_cells, moon_sim_int(status, counters[i], 0));
    }
    add_labels(ret_cells, moon_sim_member(spec, "nodeSelector"), NULL);
    add_created(ret_cells, obj, now_s);
    add_joined(ret_cells, moon_sim_member(spec, "containers"), "name");
    add_joined(ret_cells, moon_sim_member(spec, "containers"), "image");
    add_labels(ret_cells, moon_sim_member(selector, "matchLabels"),
               moon_sim_member(selector, "matchExpressions"));
}

/* ---- controllerrevisions ---- */

const struct moon_sim_column moon_sim_columns_controller_revision[] = {{"Name", "string", 0},
                                                                       {"Controller", "string", 0},
                                                                       {"Revision", "string", 0},
                                                                       {"Age", "string", 0},
                                                                       {NULL, NULL, 0}};

/* daemonset.apps/name */
static char *controller_name(const cJSON *obj)
{
    const cJSON *reference = NULL;
    cJSON_ArrayForEach (reference, moon_sim_get(obj, "metadata.ownerReferences")) {
        if (!moon_sim_true(reference, "controller")) {
            continue;
        }
        struct moon_str group = moon_str(moon_sim_text(reference, "apiVersion"));
        const char *slash = strchr(group.ptr, '/');
        char *text =
            moon_asprintf("%s%s%.*s/%s", moon_sim_text(reference, "kind"), slash != NULL ? "." : "",
                          slash != NULL ? (int)(slash - group.ptr) : 0, group.ptr,
                          moon_sim_text(reference, "name"));
        for (char *p = text; *p != '\0' && *p != '.' && *p != '/'; p++) {
            *p = (char)tolower((unsigned char)*p);
        }
        return text;
    }
    return moon_strdup("<none>");
}

void moon_sim_cells_controller_revision(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    MOON_AUTOFREE char *controller = controller_name(obj);
    add_name(ret_cells, obj);
    add_text(ret_cells, controller);
    add_int(ret_cells, moon_sim_int(obj, "revision", 0));
    add_created(ret_cells, obj, now_s);
}

/* ---- events ---- */

const struct moon_sim_column moon_sim_columns_event[] = {{"Last Seen", "string", 0},
                                                         {"Type", "string", 0},
                                                         {"Reason", "string", 0},
                                                         {"Object", "string", 0},
                                                         {"Subobject", "string", 1},
                                                         {"Source", "string", 1},
                                                         {"Message", "string", 0},
                                                         {"First Seen", "string", 1},
                                                         {"Count", "string", 1},
                                                         {"Name", "string", 1},
                                                         {NULL, NULL, 0}};

static char *event_target(const cJSON *event)
{
    const char *name = moon_sim_text(event, "involvedObject.name");
    char *text = moon_asprintf("%s%s%s", moon_sim_text(event, "involvedObject.kind"),
                               name[0] != '\0' ? "/" : "", name);
    for (char *p = text; *p != '\0' && *p != '/'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return text;
}

static char *event_source(const cJSON *event)
{
    const char *component = moon_sim_text(event, "source.component");
    const char *instance = moon_sim_text(event, "source.host");
    if (component[0] == '\0') {
        component = moon_sim_text(event, "reportingComponent");
    }
    if (instance[0] == '\0') {
        instance = moon_sim_text(event, "reportingInstance");
    }
    return moon_asprintf("%s%s%s", component, instance[0] != '\0' ? ", " : "", instance);
}

static int64_t event_count(const cJSON *event)
{
    const cJSON *series = moon_sim_member(event, "series");
    int64_t count = moon_sim_int(event, "count", 0);
    if (series != NULL) {
        return moon_sim_int(series, "count", 0) + 1;
    }
    return count == 0 ? 1 : count;
}

void moon_sim_cells_event(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    const char *first = moon_sim_text(obj, "firstTimestamp");
    const char *last = moon_sim_text(obj, "lastTimestamp");
    MOON_AUTOFREE char *target = event_target(obj);
    MOON_AUTOFREE char *source = event_source(obj);
    MOON_AUTOFREE char *message =
        moon_str_dup(moon_str_trim(moon_str(moon_sim_text(obj, "message"))));
    first = first[0] != '\0' ? first : moon_sim_text(obj, "eventTime");
    last = last[0] != '\0' ? last : first;
    if (moon_sim_member(obj, "series") != NULL) {
        last = moon_sim_text(obj, "series.lastObservedTime");
    }
    add_age(ret_cells, last, now_s);
    add_text(ret_cells, moon_sim_text(obj, "type"));
    add_text(ret_cells, moon_sim_text(obj, "reason"));
    add_text(ret_cells, target);
    add_text(ret_cells, moon_sim_text(obj, "involvedObject.fieldPath"));
    add_text(ret_cells, source);
    add_text(ret_cells, message);
    add_age(ret_cells, first, now_s);
    add_int(ret_cells, event_count(obj));
    add_name(ret_cells, obj);
}

/* ---- small kinds ---- */

const struct moon_sim_column moon_sim_columns_namespace[] = {
    {"Name", "string", 0}, {"Status", "string", 0}, {"Age", "string", 0}, {NULL, NULL, 0}};

void moon_sim_cells_namespace(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_text(ret_cells, moon_sim_text(obj, "status.phase"));
    add_created(ret_cells, obj, now_s);
}

const struct moon_sim_column moon_sim_columns_config_map[] = {
    {"Name", "string", 0}, {"Data", "string", 0}, {"Age", "string", 0}, {NULL, NULL, 0}};

void moon_sim_cells_config_map(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_int(ret_cells, cJSON_GetArraySize(moon_sim_member(obj, "data")) +
                           cJSON_GetArraySize(moon_sim_member(obj, "binaryData")));
    add_created(ret_cells, obj, now_s);
}

const struct moon_sim_column moon_sim_columns_secret[] = {{"Name", "string", 0},
                                                          {"Type", "string", 0},
                                                          {"Data", "string", 0},
                                                          {"Age", "string", 0},
                                                          {NULL, NULL, 0}};

void moon_sim_cells_secret(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_text(ret_cells, moon_sim_text(obj, "type"));
    add_int(ret_cells, cJSON_GetArraySize(moon_sim_member(obj, "data")));
    add_created(ret_cells, obj, now_s);
}

const struct moon_sim_column moon_sim_columns_service_account[] = {
    {"Name", "string", 0}, {"Secrets", "string", 0}, {"Age", "string", 0}, {NULL, NULL, 0}};

void moon_sim_cells_service_account(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_int(ret_cells, cJSON_GetArraySize(moon_sim_member(obj, "secrets")));
    add_created(ret_cells, obj, now_s);
}

const struct moon_sim_column moon_sim_columns_lease[] = {
    {"Name", "string", 0}, {"Holder", "string", 0}, {"Age", "string", 0}, {NULL, NULL, 0}};

void moon_sim_cells_lease(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_text(ret_cells, moon_sim_text(obj, "spec.holderIdentity"));
    add_created(ret_cells, obj, now_s);
}

const struct moon_sim_column moon_sim_columns_priority_class[] = {{"Name", "string", 0},
                                                                  {"Value", "integer", 0},
                                                                  {"Global-Default", "boolean", 0},
                                                                  {"Age", "string", 0},
                                                                  {NULL, NULL, 0}};

void moon_sim_cells_priority_class(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_int(ret_cells, moon_sim_int(obj, "value", 0));
    cJSON_AddItemToArray(ret_cells, cJSON_CreateBool(moon_sim_true(obj, "globalDefault")));
    add_created(ret_cells, obj, now_s);
}

const struct moon_sim_column moon_sim_columns_disruption_budget[] = {
    {"Name", "string", 0},
    {"Min Available", "string", 0},
    {"Max Unavailable", "string", 0},
    {"Allowed Disruptions", "integer", 0},
    {"Age", "string", 0},
    {NULL, NULL, 0}};

/* A number or a percentage. */
static void add_int_or_text(cJSON *cells, const cJSON *value)
{
    int64_t number = 0;
    if (moon_sim_to_int(value, &number)) {
        MOON_AUTOFREE char *text = moon_asprintf("%lld", (long long)number);
        add_text(cells, text);
    } else {
        add_text(cells, cJSON_IsString(value) ? value->valuestring : "N/A");
    }
}

void moon_sim_cells_disruption_budget(const cJSON *obj, int64_t now_s, cJSON *ret_cells)
{
    add_name(ret_cells, obj);
    add_int_or_text(ret_cells, moon_sim_get(obj, "spec.minAvailable"));
    add_int_or_text(ret_cells, moon_sim_get(obj, "spec.maxUnavailable"));
    add_int(ret_cells, moon_sim_int(obj, "status.disruptionsAllowed", 0));
    add_created(ret_cells, obj, now_s);
}
