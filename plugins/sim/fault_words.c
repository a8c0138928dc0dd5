/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_words.c - what a real server says when it refuses for reasons of its own.
 *
 * The words of kube-apiserver: authentication and authorization filters, the conflict of an
 * optimistic write, etcd's compaction, priority and fairness, a lost leader, the request's time.
 */
#include "sim/api_priv.h"

typedef int words_fn(const struct moon_sim_call *call, const char *verb,
                     struct moon_sim_status *st);

static int unauthorized(const struct moon_sim_call *call MOON_UNUSED, const char *verb MOON_UNUSED,
                        struct moon_sim_status *st)
{
    return moon_sim_refuse(st, 401, "Unauthorized", "Unauthorized");
}

static int forbidden(const struct moon_sim_call *call, const char *verb, struct moon_sim_status *st)
{
    const struct moon_sim_kind *kind = call->kind;
    if (kind == NULL) {
        MOON_AUTOFREE char *message =
            moon_asprintf("forbidden: User \"system:anonymous\" cannot %s path \"%s\"", verb,
                          moon_httpd_path(call->request));
        return moon_sim_refuse_generic(st, 403, "Forbidden", message);
    }
    MOON_AUTOFREE char *scope = call->ns != NULL
                                    ? moon_asprintf("in the namespace \"%s\"", call->ns)
                                    : moon_strdup("at the cluster scope");
    MOON_AUTOFREE char *why = moon_asprintf(
        "User \"system:anonymous\" cannot %s resource \"%s%s%s\" in API group \"%s\" %s", verb,
        kind->resource, call->subresource != NULL ? "/" : "",
        call->subresource != NULL ? call->subresource : "", kind->group, scope);
    return moon_sim_refuse_forbidden(st, kind, call->name, why);
}

static int not_found(const struct moon_sim_call *call, const char *verb MOON_UNUSED,
                     struct moon_sim_status *st)
{
    return call->kind != NULL && call->name != NULL
               ? moon_sim_refuse_not_found(st, call->kind, call->name)
               : moon_sim_refuse_unknown_path(st);
}

/* The name a create would have got: the one in its body, or one that is taken already. */
static char *name_in_body(const struct moon_sim_call *call)
{
    struct moon_err ignored;
    MOON_AUTOJSON *body = moon_sim_tree_parse(moon_httpd_body(call->request), &ignored);
    const char *name = moon_sim_text(body, "metadata.name");
    return name[0] != '\0' ? moon_strdup(name)
                           : moon_asprintf("%sx7k2q", moon_sim_text(body, "metadata.generateName"));
}

static int conflict(const struct moon_sim_call *call, const char *verb, struct moon_sim_status *st)
{
    if (call->kind == NULL) {
        return moon_sim_refuse_generic(st, 409, "Conflict", "the server reported a conflict");
    }
    if (moon_streq(verb, "create") && call->name == NULL) {
        MOON_AUTOFREE char *name = name_in_body(call);
        return moon_sim_refuse_exists(st, call->kind, name);
    }
    return moon_sim_refuse_conflict(st, call->kind, call->name != NULL ? call->name : "",
                                    "the object has been modified; please apply your changes to "
                                    "the latest version and try again");
}

static int gone(const struct moon_sim_call *call, const char *verb, struct moon_sim_status *st)
{
    if (moon_streq(verb, "watch")) {
        return moon_sim_refuse_expired(st, MOON_SIM_WATCH_EXPIRED);
    }
    if (moon_streq(verb, "list") && moon_sim_call_query(call, "continue") != NULL) {
        return moon_sim_refuse_expired(
            st, "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter.");
    }
    if (moon_streq(verb, "list")) {
        return moon_sim_refuse_expired(st, "The resourceVersion for the provided list is too old.");
    }
    return moon_sim_refuse(st, 410, "Gone", "the requested resource is gone");
}

static int invalid(const struct moon_sim_call *call MOON_UNUSED, const char *verb MOON_UNUSED,
                   struct moon_sim_status *st)
{
    return moon_sim_refuse_generic(
        st, 422, "Invalid", "the server rejected our request due to an error in our request");
}

static int too_many(const struct moon_sim_call *call MOON_UNUSED, const char *verb MOON_UNUSED,
                    struct moon_sim_status *st)
{
    return moon_sim_refuse_generic(st, 429, "TooManyRequests",
                                   "the server has received too many requests and has asked us to "
                                   "try again later");
}

static int internal(const struct moon_sim_call *call MOON_UNUSED, const char *verb MOON_UNUSED,
                    struct moon_sim_status *st)
{
    return moon_sim_refuse(st, 500, NULL, "etcdserver: leader changed");
}

static int unavailable(const struct moon_sim_call *call MOON_UNUSED, const char *verb MOON_UNUSED,
                       struct moon_sim_status *st)
{
    return moon_sim_refuse_generic(st, 503, "ServiceUnavailable",
                                   "the server is currently unable to handle the request");
}

static int timeout(const struct moon_sim_call *call MOON_UNUSED, const char *verb MOON_UNUSED,
                   struct moon_sim_status *st)
{
    return moon_sim_refuse_generic(st, 504, "Timeout",
                                   "Timeout: request did not complete within the allotted timeout");
}

static const struct {
    int code;
    words_fn *say;
} table[] = {
    {401, unauthorized}, {403, forbidden}, {404, not_found}, {409, conflict},    {410, gone},
    {422, invalid},      {429, too_many},  {500, internal},  {503, unavailable}, {504, timeout},
};

bool moon_sim_fault_has_words(int code)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        if (table[i].code == code) {
            return true;
        }
    }
    return false;
}

void moon_sim_fault_refuse(const struct moon_sim_call *call, const char *verb,
                           struct moon_sim_status *st)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(table); i++) {
        if (table[i].code == call->spoil.code) {
            (void)table[i].say(call, verb, st);
        }
    }
    moon_assert(st->code == call->spoil.code);
    if (call->spoil.retry_after_s > 0) {
        /* The header is made from it. */
        moon_sim_set_int(moon_sim_ensure(st->body, "details"), "retryAfterSeconds",
                         (int64_t)call->spoil.retry_after_s);
    }
}
