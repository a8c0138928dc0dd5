/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/metadata.h"

#include <stdio.h>

#include "base/random.h"
#include "sim/times.h"

enum {
    GENERATED_SUFFIX = 5,
    GENERATED_BASE_MAX = 58,
    ANNOTATIONS_MAX_BYTES = 256 << 10,
    NAME_MAX_BYTES = 253,
    LABEL_MAX_BYTES = 63
};

static const char LABEL_VALUE_RULE[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
static const char LABEL_KEY_RULE[] =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
static const char SUBDOMAIN_RULE[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
static const char DNS_LABEL_RULE[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/* ---- before create and update ---- */

void moon_sim_new_uid(char out[MOON_SIM_UID_TEXT])
{
    uint64_t high = moon_random_u64();
    uint64_t low = moon_random_u64();
    (void)snprintf(out, MOON_SIM_UID_TEXT, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
                   (unsigned)(high >> 16) & 0xffffU, (unsigned)high & 0xfffU,
                   ((unsigned)(low >> 48) & 0x3fffU) | 0x8000U,
                   (unsigned long long)(low & 0xffffffffffffULL));
}

static void generate_name(cJSON *metadata)
{
    char suffix[GENERATED_SUFFIX + 1];
    struct moon_str base = moon_str(moon_sim_text(metadata, "generateName"));
    if (base.len == 0 || moon_sim_text(metadata, "name")[0] != '\0') {
        return;
    }
    base.len = base.len > GENERATED_BASE_MAX ? GENERATED_BASE_MAX : base.len;
    moon_random_suffix(suffix, GENERATED_SUFFIX);
    MOON_AUTOFREE char *name = moon_asprintf("%.*s%s", MOON_STR_ARG(base), suffix);
    moon_sim_set_text(metadata, "name", name);
}

void moon_sim_metadata_create(const struct moon_sim_kind *kind, cJSON *tree, const char *ns,
                              int64_t now_s)
{
    static const char *const server_only[] = {"deletionTimestamp", "deletionGracePeriodSeconds",
                                              "selfLink", "managedFields"};
    char uid[MOON_SIM_UID_TEXT];
    char now[MOON_TIME_TEXT];
    cJSON *metadata = moon_sim_ensure(tree, "metadata");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(server_only); i++) {
        moon_sim_remove(metadata, server_only[i]);
    }
    generate_name(metadata);
    if (kind->namespaced) {
        moon_sim_set_text(metadata, "namespace", ns);
    } else {
        moon_sim_remove(metadata, "namespace");
    }
    moon_sim_new_uid(uid);
    moon_sim_set_text(metadata, "uid", uid);
    moon_sim_set_text(metadata, "creationTimestamp", moon_time_format(now_s, now));
    if (kind->has_generation) {
        moon_sim_set_int(metadata, "generation", 1);
    }
}

static void carry_over(cJSON *metadata, const cJSON *old, const char *member)
{
    moon_sim_set(metadata, member, moon_sim_clone(moon_sim_member(old, member)));
}

void moon_sim_metadata_update(cJSON *tree, const cJSON *old)
{
    cJSON *metadata = moon_sim_ensure(tree, "metadata");
    const cJSON *before = moon_sim_member(old, "metadata");
    static const char *const when_absent[] = {"uid", "name", "namespace", "generateName"};
    carry_over(metadata, before, "generation");
    carry_over(metadata, before, "creationTimestamp");
    moon_sim_remove(metadata, "managedFields");
    moon_sim_remove(metadata, "selfLink");
    for (size_t i = 0; i < MOON_ARRAY_SIZE(when_absent); i++) {
        if (moon_sim_text(metadata, when_absent[i])[0] == '\0') {
            carry_over(metadata, before, when_absent[i]);
        }
    }
    if (moon_sim_member(before, "deletionTimestamp") != NULL) {
        carry_over(metadata, before, "deletionTimestamp");
    }
    if (moon_sim_member(metadata, "deletionGracePeriodSeconds") == NULL) {
        carry_over(metadata, before, "deletionGracePeriodSeconds");
    }
}

/* ---- rules ---- */

void moon_sim_validate_dns_label(const char *name, const char *field, cJSON *causes)
{
    if (strlen(name) > 63) {
        moon_sim_cause_invalid_text(causes, field, name, "must be no more than 63 characters");
    } else if (!moon_is_dns1123_label(moon_str(name))) {
        moon_sim_cause_invalid_text(causes, field, name, DNS_LABEL_RULE);
    }
}

void moon_sim_validate_dns_subdomain(const char *name, const char *field, cJSON *causes)
{
    if (strlen(name) > NAME_MAX_BYTES) {
        moon_sim_cause_invalid_text(causes, field, name, "must be no more than 253 characters");
    } else if (!moon_is_dns1123_subdomain(moon_str(name))) {
        moon_sim_cause_invalid_text(causes, field, name, SUBDOMAIN_RULE);
    }
}

static void validate_key_prefix(struct moon_str prefix, const char *key, const char *field,
                                cJSON *causes)
{
    if (prefix.len == 0) {
        moon_sim_cause_invalid_text(causes, field, key, "prefix part must be non-empty");
    } else if (prefix.len > NAME_MAX_BYTES) {
        moon_sim_cause_invalid_text(causes, field, key,
                                    "prefix part must be no more than 253 characters");
    } else if (!moon_is_dns1123_subdomain(prefix)) {
        MOON_AUTOFREE char *detail = moon_asprintf("prefix part %s", SUBDOMAIN_RULE);
        moon_sim_cause_invalid_text(causes, field, key, detail);
    }
}

/* A qualified name: each part that is wrong is a cause of its own. `shown` is what was written. */
static void validate_key(const char *key, const char *shown, const char *field, cJSON *causes)
{
    const char *slash = strchr(key, '/');
    const char *name = slash != NULL ? slash + 1 : key;
    if (strchr(name, '/') != NULL) {
        MOON_AUTOFREE char *detail =
            moon_asprintf("a qualified name %s with an optional DNS subdomain prefix and '/' "
                          "(e.g. 'example.com/MyName')",
                          LABEL_KEY_RULE);
        moon_sim_cause_invalid_text(causes, field, shown, detail);
        return;
    }
    if (slash != NULL) {
        validate_key_prefix((struct moon_str){key, (size_t)(slash - key)}, shown, field, causes);
    }
    if (name[0] == '\0') {
        moon_sim_cause_invalid_text(causes, field, shown, "name part must be non-empty");
    } else if (strlen(name) > LABEL_MAX_BYTES) {
        moon_sim_cause_invalid_text(causes, field, shown,
                                    "name part must be no more than 63 characters");
    }
    if (strlen(name) <= LABEL_MAX_BYTES && !moon_is_label_key(moon_str(name))) {
        MOON_AUTOFREE char *detail = moon_asprintf("name part %s", LABEL_KEY_RULE);
        moon_sim_cause_invalid_text(causes, field, shown, detail);
    }
}

void moon_sim_validate_label_key(const char *key, const char *field, cJSON *causes)
{
    validate_key(key, key, field, causes);
}

void moon_sim_validate_label_value(const char *value, const char *field, cJSON *causes)
{
    if (strlen(value) > 63) {
        moon_sim_cause_invalid_text(causes, field, value, "must be no more than 63 characters");
    } else if (!moon_is_label_value(moon_str(value))) {
        moon_sim_cause_invalid_text(causes, field, value, LABEL_VALUE_RULE);
    }
}

void moon_sim_validate_labels(const cJSON *labels, const char *field, cJSON *causes)
{
    const cJSON *label = NULL;
    cJSON_ArrayForEach (label, labels) {
        moon_sim_validate_label_key(label->string, field, causes);
        moon_sim_validate_label_value(cJSON_IsString(label) ? label->valuestring : "", field,
                                      causes);
    }
}

void moon_sim_validate_annotations(const cJSON *annotations, const char *field, cJSON *causes)
{
    const cJSON *annotation = NULL;
    size_t total = 0;
    cJSON_ArrayForEach (annotation, annotations) {
        MOON_AUTOFREE char *lower = moon_strdup(annotation->string);
        for (char *p = lower; *p != '\0'; p++) {
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
        }
        validate_key(lower, annotation->string, field, causes);
        total += strlen(annotation->string) +
                 (cJSON_IsString(annotation) ? strlen(annotation->valuestring) : 0);
    }
    if (total > ANNOTATIONS_MAX_BYTES) {
        moon_sim_cause_too_long(causes, field, ANNOTATIONS_MAX_BYTES);
    }
}

static void validate_owners(const cJSON *owners, cJSON *causes)
{
    static const char *const required[] = {"apiVersion", "kind", "name", "uid"};
    const cJSON *owner = NULL;
    int controllers = 0;
    cJSON_ArrayForEach (owner, owners) {
        for (size_t i = 0; i < MOON_ARRAY_SIZE(required); i++) {
            if (moon_sim_text(owner, required[i])[0] == '\0') {
                char field[128];
                MOON_AUTOFREE char *detail =
                    moon_asprintf("%s must not be empty",
                                  moon_streq(required[i], "apiVersion") ? "version" : required[i]);
                (void)snprintf(field, sizeof(field), "metadata.ownerReferences.%s", required[i]);
                moon_sim_cause_invalid(causes, field, moon_sim_member(owner, required[i]), detail);
            }
        }
        controllers += moon_sim_true(owner, "controller") ? 1 : 0;
    }
    if (controllers > 1) {
        moon_sim_cause_invalid(causes, "metadata.ownerReferences", owners,
                               "Only one reference can have Controller set to true.");
    }
}

/* Kinds of the apiextensions server take any qualified name, the others want a domain in front. */
static void validate_finalizers(const struct moon_sim_kind *kind, const cJSON *finalizers,
                                cJSON *causes)
{
    const cJSON *finalizer = NULL;
    int index = 0;
    cJSON_ArrayForEach (finalizer, finalizers) {
        const char *name = cJSON_IsString(finalizer) ? finalizer->valuestring : "";
        moon_sim_validate_label_key(name, "metadata.finalizers", causes);
    }
    cJSON_ArrayForEach (finalizer, finalizers) {
        char field[48];
        const char *name = cJSON_IsString(finalizer) ? finalizer->valuestring : "";
        bool bare_ok = kind->custom != NULL || moon_streq(kind->group, "apiextensions.k8s.io") ||
                       moon_streq(name, "orphan") || moon_streq(name, "foregroundDeletion") ||
                       moon_streq(name, "kubernetes");
        (void)snprintf(field, sizeof(field), "metadata.finalizers[%d]", index++);
        if (strchr(name, '/') == NULL && !bare_ok) {
            moon_sim_cause_invalid_text(
                causes, field, name,
                "name is neither a standard finalizer name nor is it fully qualified");
        }
    }
    if (moon_sim_index_of(finalizers, "orphan") >= 0 &&
        moon_sim_index_of(finalizers, "foregroundDeletion") >= 0) {
        moon_sim_cause_invalid(causes, "metadata.finalizers", finalizers,
                               "finalizer orphan and foregroundDeletion cannot be both set");
    }
}

/* Names of Services are of the older kind: they begin with a letter. */
static void validate_service_name(const char *name, const char *field, cJSON *causes)
{
    if (strlen(name) > LABEL_MAX_BYTES) {
        moon_sim_cause_invalid_text(causes, field, name, "must be no more than 63 characters");
    } else if (!moon_is_dns1123_label(moon_str(name)) || (name[0] >= '0' && name[0] <= '9')) {
        moon_sim_cause_invalid_text(
            causes, field, name,
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character (e.g. "
            "'my-name',  or 'abc-123', regex used for validation is "
            "'[a-z]([-a-z0-9]*[a-z0-9])?')");
    }
}

void moon_sim_validate_metadata(const struct moon_sim_kind *kind, const cJSON *metadata,
                                cJSON *causes)
{
    const char *name = moon_sim_text(metadata, "name");
    void (*check)(const char *, const char *, cJSON *) =
        moon_streq(kind->kind, "Service") ? validate_service_name
        : kind->names_are_labels          ? moon_sim_validate_dns_label
                                          : moon_sim_validate_dns_subdomain;
    const char *prefix = moon_sim_text(metadata, "generateName");
    if (prefix[0] != '\0') {
        /* A prefix may end in a dash or dot: what follows makes it whole. */
        MOON_AUTOFREE char *whole = moon_asprintf("%sx", prefix);
        cJSON *problems = cJSON_CreateArray();
        check(whole, "metadata.generateName", problems);
        if (problems->child != NULL) {
            check(prefix, "metadata.generateName", causes);
        }
        cJSON_Delete(problems);
    }
    if (name[0] == '\0') {
        moon_sim_cause_required(causes, "metadata.name", "name or generateName is required");
    } else {
        check(name, "metadata.name", causes);
    }
    moon_sim_validate_labels(moon_sim_member(metadata, "labels"), "metadata.labels", causes);
    moon_sim_validate_annotations(moon_sim_member(metadata, "annotations"), "metadata.annotations",
                                  causes);
    validate_owners(moon_sim_member(metadata, "ownerReferences"), causes);
    validate_finalizers(kind, moon_sim_member(metadata, "finalizers"), causes);
}

void moon_sim_validate_immutable(const cJSON *now, const cJSON *old, const char *field,
                                 cJSON *causes)
{
    if (!moon_sim_tree_same(now, old)) {
        moon_sim_cause_invalid(causes, field, now, "field is immutable");
    }
}

void moon_sim_validate_metadata_update(const cJSON *metadata, const cJSON *old, cJSON *causes)
{
    static const char *const immutable[] = {"name", "namespace", "uid", "deletionTimestamp",
                                            "deletionGracePeriodSeconds"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(immutable); i++) {
        char field[64];
        (void)snprintf(field, sizeof(field), "metadata.%s", immutable[i]);
        moon_sim_validate_immutable(moon_sim_member(metadata, immutable[i]),
                                    moon_sim_member(old, immutable[i]), field, causes);
    }
    if (moon_sim_member(old, "deletionTimestamp") == NULL) {
        return;
    }
    const cJSON *finalizer = NULL;
    cJSON_ArrayForEach (finalizer, moon_sim_member(metadata, "finalizers")) {
        if (moon_sim_index_of(moon_sim_member(old, "finalizers"), finalizer->valuestring) < 0) {
            MOON_AUTOFREE char *detail = moon_asprintf(
                "no new finalizers can be added if the object is being deleted, found "
                "new finalizers []string{\"%s\"}",
                finalizer->valuestring);
            moon_sim_cause_forbidden(causes, "metadata.finalizers", detail);
        }
    }
}

void moon_sim_validate_not_negative(const cJSON *parent, const char *member, const char *field,
                                    cJSON *causes)
{
    int64_t value = 0;
    if (moon_sim_to_int(moon_sim_member(parent, member), &value) && value < 0) {
        moon_sim_cause_invalid_int(causes, field, value, "must be greater than or equal to 0");
    }
}
