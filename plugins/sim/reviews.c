/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/reviews.h"

#define USER "system:anonymous"
#define USER_GROUP "system:unauthenticated"

/* ---- may somebody do something ---- */

/* A question is about a resource or about a path, and in reviews of others about somebody. */
static void check_access(const cJSON *spec, bool names_user, cJSON *causes)
{
    const cJSON *resource = moon_sim_member(spec, "resourceAttributes");
    const cJSON *path = moon_sim_member(spec, "nonResourceAttributes");
    if (resource != NULL && path != NULL) {
        moon_sim_cause_invalid(causes, "spec.nonResourceAttributes", path,
                               "cannot be specified in combination with resourceAttributes");
    }
    if (resource == NULL && path == NULL) {
        moon_sim_cause_invalid_go(
            causes, "spec.resourceAttributes", "null",
            "exactly one of nonResourceAttributes or resourceAttributes must be specified");
    }
    if (names_user && moon_sim_text(spec, "user")[0] == '\0' &&
        moon_sim_member(spec, "groups") == NULL) {
        moon_sim_cause_invalid_text(causes, "spec.user", "",
                                    "at least one of user or group must be specified");
    }
}

static void allow(cJSON *review)
{
    cJSON *status = cJSON_CreateObject();
    moon_sim_set_bool(status, "allowed", true);
    moon_sim_set(review, "status", status);
}

static int review_own_access(cJSON *review, cJSON *causes, struct moon_sim_status *st)
{
    (void)st;
    check_access(moon_sim_member(review, "spec"), false, causes);
    allow(review);
    return 0;
}

static int review_access(cJSON *review, cJSON *causes, struct moon_sim_status *st)
{
    (void)st;
    check_access(moon_sim_member(review, "spec"), true, causes);
    allow(review);
    return 0;
}

static int review_local_access(cJSON *review, cJSON *causes, struct moon_sim_status *st)
{
    const cJSON *resource = moon_sim_get(review, "spec.resourceAttributes");
    const cJSON *path = moon_sim_get(review, "spec.nonResourceAttributes");
    const char *ns = moon_sim_text(resource, "namespace");
    (void)review_access(review, causes, st);
    if (resource != NULL && !moon_streq(ns, moon_sim_text(review, "metadata.namespace"))) {
        moon_sim_cause_invalid_text(causes, "spec.resourceAttributes.namespace", ns,
                                    "must match metadata.namespace");
    }
    if (path != NULL) {
        moon_sim_cause_invalid(causes, "spec.nonResourceAttributes", path,
                               "disallowed on this kind of request");
    }
    return 0;
}

/* ---- what may I do ---- */

/* { verbs: ["*"], <member>: ["*"], … } */
static cJSON *rule_for_all(const char *const *members)
{
    cJSON *rules = cJSON_CreateArray();
    cJSON *rule = cJSON_CreateObject();
    for (; *members != NULL; members++) {
        cJSON *all = cJSON_CreateArray();
        cJSON_AddItemToArray(all, cJSON_CreateString("*"));
        moon_sim_set(rule, *members, all);
    }
    cJSON_AddItemToArray(rules, rule);
    return rules;
}

static int review_rules(cJSON *review, cJSON *causes, struct moon_sim_status *st)
{
    static const char *const resource[] = {"verbs", "apiGroups", "resources", NULL};
    static const char *const path[] = {"verbs", "nonResourceURLs", NULL};
    (void)causes;
    if (moon_sim_text(review, "spec.namespace")[0] == '\0') {
        return moon_sim_refuse_bad_request(st, "no namespace on request");
    }
    cJSON *status = cJSON_CreateObject();
    moon_sim_set(status, "resourceRules", rule_for_all(resource));
    moon_sim_set(status, "nonResourceRules", rule_for_all(path));
    moon_sim_set_bool(status, "incomplete", false);
    moon_sim_set(review, "status", status);
    return 0;
}

/* ---- who am I ---- */

static int review_self(cJSON *review, cJSON *causes, struct moon_sim_status *st)
{
    (void)causes;
    (void)st;
    cJSON *user = moon_sim_ensure(moon_sim_ensure(review, "status"), "userInfo");
    cJSON *groups = cJSON_CreateArray();
    cJSON_AddItemToArray(groups, cJSON_CreateString(USER_GROUP));
    moon_sim_set_text(user, "username", USER);
    moon_sim_set(user, "groups", groups);
    return 0;
}

/* ---- rows ---- */

static const struct moon_sim_kind REVIEWS[] = {
    {.group = "authentication.k8s.io",
     .version = "v1",
     .resource = "selfsubjectreviews",
     .singular = "selfsubjectreview",
     .kind = "SelfSubjectReview",
     .review = review_self},
    {.group = "authorization.k8s.io",
     .version = "v1",
     .resource = "localsubjectaccessreviews",
     .singular = "localsubjectaccessreview",
     .kind = "LocalSubjectAccessReview",
     .namespaced = true,
     .review = review_local_access},
    {.group = "authorization.k8s.io",
     .version = "v1",
     .resource = "selfsubjectaccessreviews",
     .singular = "selfsubjectaccessreview",
     .kind = "SelfSubjectAccessReview",
     .review = review_own_access},
    {.group = "authorization.k8s.io",
     .version = "v1",
     .resource = "selfsubjectrulesreviews",
     .singular = "selfsubjectrulesreview",
     .kind = "SelfSubjectRulesReview",
     .review = review_rules},
    {.group = "authorization.k8s.io",
     .version = "v1",
     .resource = "subjectaccessreviews",
     .singular = "subjectaccessreview",
     .kind = "SubjectAccessReview",
     .review = review_access},
};

size_t moon_sim_review_count(void)
{
    return MOON_ARRAY_SIZE(REVIEWS);
}

const struct moon_sim_kind *moon_sim_review_at(size_t i)
{
    moon_assert(i < MOON_ARRAY_SIZE(REVIEWS));
    return &REVIEWS[i];
}
