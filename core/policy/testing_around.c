/* SPDX-License-Identifier: Apache-2.0
 *
 * testing_around.c - what hooks may use beside their arguments: what the policy remembers, Events,
 * other sets.
 */
#include "policy/glob.h"
#include "policy/testing_priv.h"

/* ---- reading ---- */

int moon_test_take_kv(struct moon_test_reader *r, const cJSON *json, void *given)
{
    int rc = moon_test_mapping(r, json);

    if (rc == 0) {
        moon_test_merge(((struct moon_test_given *)given)->kv, json);
    }
    return rc;
}

/* "pod_failed n1" */
int moon_test_take_event(struct moon_test_reader *r, const cJSON *json, void *given)
{
    struct moon_test_given *g = given;
    const char *text = NULL;
    int rc = moon_test_text(r, json, &text);

    if (rc != 0) {
        return rc;
    }
    struct moon_str rest = moon_str(text);
    struct moon_str type = moon_test_word(&rest);
    g->happening = moon_happening_by_name(type);
    if (g->happening < 0) {
        return moon_test_wrong(r, json, "there is no event '%.*s'", MOON_STR_ARG(type));
    }
    struct moon_str subject = moon_test_word(&rest);
    if (subject.len == 0 || rest.len > 0) {
        return moon_test_wrong(r, json,
                               "an event and the node or pod it happened to are wanted, "
                               "such as pod_failed n1");
    }
    moon_free(g->happened_to);
    g->happened_to = moon_str_dup(subject);
    return 0;
}

/* { kube-system/cni: [n1, n2], default/gone: null } */
int moon_test_take_peers(struct moon_test_reader *r, const cJSON *json, void *given)
{
    struct moon_test_given *g = given;
    const cJSON *peer;
    const cJSON *node;
    const char *text;
    int rc = moon_test_mapping(r, json);

    cJSON_ArrayForEach (peer, json) {
        size_t mark = moon_test_enter(r, peer->string);
        if (rc == 0 && !cJSON_IsArray(peer)) {
            rc = moon_test_wrong(r, peer, "a list of the nodes where it is ready is wanted");
        }
        cJSON_ArrayForEach (node, peer) {
            rc = rc == 0 ? moon_test_text(r, node, &text) : rc;
        }
        moon_test_leave(r, mark);
        if (rc != 0) {
            return rc;
        }
        moon_test_put_member(g->peers, peer->string, cJSON_Duplicate(peer, true));
    }
    return rc;
}

/* ---- other sets ---- */

static bool peer_exists(const char *key, void *ctx)
{
    const struct moon_test_around *a = ctx;

    return moon_json_member(a->c->given.peers, key) != NULL;
}

static bool peer_is_ready_on(const char *key, const char *node, void *ctx)
{
    const struct moon_test_around *a = ctx;
    const cJSON *pattern;

    cJSON_ArrayForEach (pattern, moon_json_member(a->c->given.peers, key)) {
        if (moon_glob(moon_str(pattern->valuestring), moon_str(node))) {
            return true;
        }
    }
    return false;
}

/* ---- Events ---- */

static void tell(bool is_warning, const char *reason, const char *message, void *ctx)
{
    struct moon_test_around *a = ctx;

    (void)moon_test_list_add(&a->answers->lists[MOON_TEST_EVENTS],
                             (struct moon_test_item){
                                 .subject = moon_strdup(reason),
                                 .verb = moon_strdup(is_warning ? "Warning" : "Normal"),
                                 .reason = moon_strdup(message),
                                 .number = -1,
                             });
}

/* ---- memory ---- */

/* One that is too large is a state that hooks are refused, as in production. */
static void read_kv(struct moon_test_around *a)
{
    MOON_AUTOJSON *all = cJSON_CreateObject();
    struct moon_err err;

    cJSON_AddItemToObject(all, a->c->policy, cJSON_Duplicate(a->c->given.kv, true));
    char *text = cJSON_PrintUnformatted(all);
    (void)moon_kv_read(a->kv, moon_str(text), &err);
    cJSON_free(text);
}

static void list_kv(const struct moon_test_around *a)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(2 * MOON_KV_MAX_BYTES);
    struct moon_str mine;
    struct moon_str key;
    struct moon_str value;
    struct moon_json_iter it;

    moon_kv_write(a->kv, &text);
    if (!moon_json_find(moon_buf_str(&text), MOON_JSON_PATH(a->c->policy), &mine)) {
        return;
    }
    moon_json_iter_init(&it, mine);
    while (moon_json_next(&it, &key, &value)) {
        (void)moon_test_list_add(&a->answers->lists[MOON_TEST_KV],
                                 (struct moon_test_item){.subject = moon_str_dup(key),
                                                         .verb = moon_strdup(""),
                                                         .reason = moon_str_dup(value),
                                                         .number = -1});
    }
    moon_json_iter_fini(&it);
}

/* ---- all of it ---- */

void moon_test_around_init(struct moon_test_around *a, const struct moon_test_case *c,
                           struct moon_test_answers *answers, struct moon_set_view *view)
{
    *a = (struct moon_test_around){
        .c = c,
        .answers = answers,
        .kv = moon_kv_new(),
        .peers = {.exists = peer_exists, .is_ready_on = peer_is_ready_on, .ctx = a},
    };
    read_kv(a);
    view->kv = a->kv;
    view->peers = &a->peers;
    view->tell = tell;
    view->tell_ctx = a;
}

void moon_test_around_end(struct moon_test_around *a)
{
    a->answers->asked[MOON_TEST_KV] = true;
    a->answers->asked[MOON_TEST_EVENTS] = true;
    list_kv(a);
    moon_kv_free(a->kv);
}
