/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_sim_patch.c - the three kinds of patch, on objects as the API server stores them.
 *
 * The first byte chooses the kind of patch ('j', 'm', 's'; others by their value), the second the
 * object. The rest is the patch; or, up to a form feed, a document of its own to be patched.
 */
#include "sim/kinds.h"
#include "sim/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PRINTED_MAX_BYTES = 64 << 20
};

static const struct {
    const char *kind;
    const char *json;
} OBJECTS[] = {
    {"DaemonSet",
     "{\"metadata\":{\"name\":\"d\",\"labels\":{\"a\":\"b\"},\"finalizers\":[\"x/y\",\"x/z\"],"
     "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":\"n\",\"uid\":\"u\"}]}"
     ","
     "\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{"
     "\"labels\":{"
     "\"a\":\"b\"}},\"spec\":{\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\"}],"
     "\"containers\":"
     "[{\"name\":\"c\",\"image\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\","
     "\"value\":\"2\"}],\"ports\":[{\"containerPort\":80},{\"containerPort\":81}]},{\"name\":\"d\","
     "\"image\":\"i\",\"args\":[\"x\",\"y\"]}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}},"
     "\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1}}},"
     "\"status\":{\"conditions\":[{\"type\":\"A\",\"status\":\"True\"}]}}"},
    {"Service",
     "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80,\"protocol\":\"TCP\"},"
     "{\"port\":53,\"protocol\":\"UDP\",\"name\":\"dns\"}],\"selector\":{\"a\":\"b\"}}}"},
    {"Node",
     "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"taints\":[{\"key\":\"k\",\"effect\":"
     "\"NoSchedule\"}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
     "\"addresses\":[{\"type\":\"Hostname\",\"address\":\"n\"}]}}"},
    {"ConfigMap", "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"1\",\"b/c~d\":\"2\"}}"},
    {"ControllerRevision",
     "{\"metadata\":{\"name\":\"r\"},\"data\":{\"big\":9007199254740993,\"l\":"
     "[1,[2,{\"x\":null}]],\"nul\":\"\\u0000\"},\"revision\":1}"},
};

enum type {
    JSON,
    MERGE,
    STRATEGIC
};

static int apply(enum type type, const struct moon_sim_type *schema, cJSON **doc,
                 const cJSON *patch, struct moon_err *err)
{
    switch (type) {
    case JSON:
        return moon_sim_patch_json(doc, patch, err);
    case MERGE:
        moon_sim_patch_merge(*doc, patch);
        return 0;
    case STRATEGIC:
        return moon_sim_patch_strategic(schema, *doc, patch, err);
    }
    return 0;
}

/* A tree is what its text says, however it was made. */
static void check_tree(const cJSON *tree)
{
    struct moon_err err;
    struct moon_buf text = MOON_BUF_INIT(PRINTED_MAX_BYTES);
    moon_sim_tree_print(tree, &text);
    moon_assert(!text.overflow);
    cJSON *again = moon_sim_tree_parse(moon_buf_str(&text), &err);
    moon_assert(again != NULL && moon_sim_tree_equal(tree, again));
    cJSON_Delete(again);
    moon_buf_fini(&text);
}

static void check_patched(enum type type, const struct moon_sim_type *schema, cJSON **doc,
                          const cJSON *patch, bool own_doc)
{
    struct moon_err err = {0};
    check_tree(*doc);
    MOON_AUTOJSON *once = moon_sim_clone(*doc);
    if (type == MERGE && !own_doc) { /* a merge says what is to be there, so twice is once */
        moon_sim_patch_merge(*doc, patch);
        moon_assert(moon_sim_tree_equal(once, *doc));
    }
    if (cJSON_IsObject(once)) {
        MOON_AUTOJSON *strict = cJSON_CreateArray();
        if (moon_sim_schema_decode(schema, once, strict, &err) == 0) {
            check_tree(once);
        }
    }
}

static void run(enum type type, size_t object, struct moon_str own, struct moon_str text)
{
    static struct moon_sim_schema *schemas;
    struct moon_err err = {0};
    schemas = schemas != NULL ? schemas : moon_sim_schema_new();
    const struct moon_sim_type *schema = moon_sim_schema_type(schemas, OBJECTS[object].kind);
    moon_assert(schema != NULL);
    MOON_AUTOJSON *patch = moon_sim_tree_parse(text, &err);
    MOON_AUTOJSON *doc = own.ptr != NULL
                             ? moon_sim_tree_parse(own, &err)
                             : moon_sim_tree_parse(moon_str(OBJECTS[object].json), &err);
    moon_sim_tree_unique(patch); /* as the server does, for it and for the objects it stores */
    moon_sim_tree_unique(doc);
    if (patch == NULL || !cJSON_IsObject(doc) || (type != JSON && !cJSON_IsObject(patch))) {
        return; /* the server refuses these before */
    }
    err = (struct moon_err){0};
    if (apply(type, schema, &doc, patch, &err) == 0) {
        check_patched(type, schema, &doc, patch, own.ptr != NULL);
        return;
    }
    moon_assert(err.text[0] != '\0');
    moon_assert(err.code == MOON_E_INVALID || err.code == MOON_E_CONFLICT ||
                err.code == MOON_E_LIMIT || err.code == MOON_E_SERVER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    enum type type = data[0] == 'j'   ? JSON
                     : data[0] == 'm' ? MERGE
                     : data[0] == 's' ? STRATEGIC
                                      : (enum type)(data[0] % 3);
    struct moon_str text = {(const char *)data + 2, size - 2};
    struct moon_str own = {0};
    const char *cut = text.len > 0 ? memchr(text.ptr, '\f', text.len) : NULL;
    if (cut != NULL) {
        own = (struct moon_str){text.ptr, (size_t)(cut - text.ptr)};
        text = (struct moon_str){cut + 1, text.len - own.len - 1};
    }
    run(type, data[1] % MOON_ARRAY_SIZE(OBJECTS), own, text);
    return 0;
}
