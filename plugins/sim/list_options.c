/* SPDX-License-Identifier: Apache-2.0
 *
 * list_options.c - what the options of get, list and watch may say about versions.
 */
#include "sim/api_priv.h"

static int refuse_options(struct moon_sim_status *st, cJSON *take_causes)
{
    static const struct moon_sim_kind options = {
        .group = "meta.k8s.io", .kind = "ListOptions", .resource = "ListOptions"};
    if (take_causes->child == NULL) {
        cJSON_Delete(take_causes);
        return 0;
    }
    return moon_sim_refuse_invalid(st, &options, "", take_causes);
}

static void forbid_match(cJSON *causes, const char *why)
{
    moon_sim_cause_forbidden(causes, "resourceVersionMatch", why);
}

static bool is_known_match(const char *match)
{
    return moon_streq(match, "Exact") || moon_streq(match, "NotOlderThan");
}

static void check_list(const struct moon_sim_call *call, const char *match, cJSON *causes)
{
    const char *version = moon_sim_call_query(call, "resourceVersion");
    if (moon_sim_call_query(call, "sendInitialEvents") != NULL) {
        moon_sim_cause_forbidden(causes, "sendInitialEvents",
                                 "sendInitialEvents is forbidden for list");
    }
    if (match == NULL) {
        return;
    }
    if (version == NULL) {
        forbid_match(causes,
                     "resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if (moon_sim_call_query(call, "continue") != NULL) {
        forbid_match(causes, "resourceVersionMatch is forbidden when continue is provided");
    }
    if (!is_known_match(match)) {
        moon_sim_cause_unsupported(causes, "resourceVersionMatch", match,
                                   "\"Exact\", \"NotOlderThan\", \"\"");
    }
    if (moon_streq(match, "Exact") && moon_streq(version, "0")) {
        forbid_match(causes,
                     "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
}

static void check_watch(const struct moon_sim_call *call, const char *match, cJSON *causes)
{
    bool initial = moon_sim_call_query(call, "sendInitialEvents") != NULL;
    if (initial && !moon_streq(match, "NotOlderThan")) {
        forbid_match(causes,
                     "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if (initial && call->api->refuses_streamed_lists) {
        moon_sim_cause_forbidden(causes, "sendInitialEvents",
                                 "sendInitialEvents is forbidden for watch unless the WatchList "
                                 "feature gate is enabled");
    }
    if (match != NULL && !initial) {
        forbid_match(causes, "resourceVersionMatch is forbidden for watch unless "
                             "sendInitialEvents is provided");
    }
    if (match != NULL && !moon_streq(match, "NotOlderThan")) {
        moon_sim_cause_unsupported(causes, "resourceVersionMatch", match, "\"NotOlderThan\"");
    }
    if (match != NULL && moon_sim_call_query(call, "continue") != NULL) {
        forbid_match(causes, "resourceVersionMatch is forbidden when continue is provided");
    }
}

int moon_sim_list_options_check(const struct moon_sim_call *call, bool is_watch,
                                struct moon_sim_status *st)
{
    const char *match = moon_sim_call_query(call, "resourceVersionMatch");
    cJSON *causes = cJSON_CreateArray();
    if (is_watch) {
        check_watch(call, match, causes);
    } else {
        check_list(call, match, causes);
    }
    return refuse_options(st, causes);
}

int moon_sim_list_options_version(const struct moon_sim_call *call, uint64_t *ret_version,
                                  struct moon_sim_status *st)
{
    const char *text = moon_sim_call_query(call, "resourceVersion");
    if (text != NULL && !moon_parse_u64(moon_str(text), ret_version)) {
        return moon_sim_refuse(
            st, 500, NULL,
            "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": invalid "
            "syntax",
            text, text);
    }
    return 0;
}

int moon_sim_list_options_not_future(const struct moon_sim_call *call, uint64_t wanted,
                                     struct moon_sim_status *st)
{
    uint64_t current = moon_sim_objdb_version(call->api->db);
    if (wanted <= current) {
        return 0;
    }
    (void)moon_sim_refuse(st, 504, "Timeout",
                          "Timeout: Too large resource version: %llu, current: %llu",
                          (unsigned long long)wanted, (unsigned long long)current);
    moon_sim_set_int(moon_sim_ensure(st->body, "details"), "retryAfterSeconds", 1);
    moon_sim_status_add_cause(st, "ResourceVersionTooLarge", "Too large resource version", NULL);
    return -1;
}
