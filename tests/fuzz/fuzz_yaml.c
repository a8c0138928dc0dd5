/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_yaml.c - manifests nobody should write.
 */
#include "io/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every tree must be within the caps and safe to print. */
static size_t count_nodes(const cJSON *json, size_t depth)
{
    moon_assert(depth <= MOON_JSON_MAX_DEPTH + 1);
    size_t count = 1;
    const cJSON *child = NULL;
    cJSON_ArrayForEach (child, json) {
        moon_assert(!cJSON_IsObject(json) || child->string != NULL);
        count += count_nodes(child, depth + 1);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct moon_yaml_opts opts = {.name = "fuzz", .max_nodes = 2000};
    struct moon_str text = {(const char *)data, size};
    struct moon_err err = {0};
    cJSON *json = moon_yaml_parse_all(text, &opts, &err);
    if (json == NULL) {
        moon_assert(err.code == MOON_E_INVALID || err.code == MOON_E_LIMIT);
        moon_assert(strncmp(err.text, "fuzz:", 5) == 0);
        return 0;
    }
    const cJSON *document = NULL;
    cJSON_ArrayForEach (document, json) {
        moon_assert(count_nodes(document, 0) <= opts.max_nodes);
    }
    char *printed = cJSON_PrintUnformatted(json);
    moon_assert(printed != NULL);
    cJSON_free(printed);
    cJSON_Delete(json);
    return 0;
}
