/* SPDX-License-Identifier: Apache-2.0
 *
 * test_faults.c - a server that errs on purpose, as a client meets it over HTTP. The clock is
 * virtual: what is late arrives when the test says so.
 */
#include "api_fixture.h"

#include <stdio.h>

#include "sim/faults.h"

#define MAPS "/api/v1/namespaces/default/configmaps"
#define MAP(name) "{\"metadata\":{\"name\":\"" name "\"},\"data\":{\"k\":\"0123456789\"}}"

enum {
    TURNS = 2000
};

/* What a caller learns. Each has a client of its own: libcurl tries again by itself when a
 * connection that was used before ends without an answer. */
struct outcome {
    struct moon_http *http;
    bool ended;
    enum moon_code code; /* MOON_OK: an answer came */
    int status;
    uint64_t retry_after_ms;
    struct moon_buf text; /* of a 2xx as far as it came */
    char *refusal;        /* body of others */
};

static int setup_virtual(void **state)
{
    struct moon_err err;
    struct fixture *f = moon_new(struct fixture);
    f->loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    f->api = moon_sim_api_new(f->loop, NULL, &err);
    assert_non_null(f->api);
    f->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "moonset/1"}, &err);
    assert_non_null(f->http);
    *state = f;
    return 0;
}

/* What a failing test has left open. */
static struct moon_http *clients[16];

static int teardown_all(void **state)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(clients); i++) {
        moon_http_free(moon_steal(&clients[i]));
    }
    return teardown(state);
}

/* ---- calls that may fail ---- */

static bool on_piece(struct moon_str piece, void *ctx)
{
    struct outcome *o = ctx;
    moon_buf_add_str(&o->text, piece);
    return true;
}

static void on_outcome(const struct moon_http_answer *answer, const struct moon_err *err, void *ctx)
{
    struct outcome *o = ctx;
    o->ended = true;
    o->code = err != NULL ? err->code : MOON_OK;
    o->status = answer->status;
    o->retry_after_ms = answer->retry_after_ms;
    o->refusal = moon_str_dup(answer->body);
}

static void send_call(struct fixture *f, struct outcome *o, const char *method, const char *path,
                      const char *body)
{
    struct moon_err err;
    char url[512];
    const char *const headers[] = {JSON, NULL};
    *o = (struct outcome){.text = MOON_BUF_INIT(1 << 20)};
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", moon_sim_api_port(f->api), path);
    o->http = moon_http_new(f->loop, &(struct moon_http_opts){.user_agent = "moonset/1"}, &err);
    assert_non_null(o->http);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(clients); i++) {
        if (clients[i] == NULL) {
            clients[i] = o->http;
            break;
        }
    }
    (void)moon_http_send(o->http, &(struct moon_http_request){.method = method,
                                                              .url = url,
                                                              .headers = headers,
                                                              .body = moon_str(body),
                                                              .proxy = "",
                                                              .on_data = on_piece,
                                                              .on_done = on_outcome,
                                                              .ctx = o});
}

static void wait_end(struct fixture *f, struct outcome *o)
{
    for (int i = 0; i < TURNS && !o->ended; i++) {
        moon_loop_turn(f->loop, 10);
    }
    assert_true(o->ended);
}

static void wait_text(struct fixture *f, struct outcome *o, const char *text)
{
    for (int i = 0; i < TURNS && strstr(moon_buf_cstr(&o->text), text) == NULL; i++) {
        moon_loop_turn(f->loop, 10);
    }
    if (strstr(moon_buf_cstr(&o->text), text) == NULL) {
        fail_msg("no %s in: %s", text, moon_buf_cstr(&o->text));
    }
}

static void wait_held(struct fixture *f, size_t held)
{
    for (int i = 0; i < TURNS && moon_sim_api_held(f->api) != held; i++) {
        moon_loop_turn(f->loop, 10);
    }
    assert_int_equal(moon_sim_api_held(f->api), held);
}

static void outcome_fini(struct outcome *o)
{
    for (size_t i = 0; i < MOON_ARRAY_SIZE(clients); i++) {
        if (clients[i] == o->http) {
            clients[i] = NULL;
        }
    }
    moon_http_free(o->http);
    moon_buf_fini(&o->text);
    moon_free(o->refusal);
}

static void add_fault(struct fixture *f, const struct moon_sim_fault_rule *rule)
{
    struct moon_err err;
    uint64_t number = 0;
    if (moon_sim_api_add_fault(f->api, rule, &number, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_true(number > 0);
}

static bool exists(struct fixture *f, const char *path)
{
    return get(f, path) == 200;
}

/* ---- one call ---- */

struct call_case {
    struct moon_sim_fault_rule rule;
    enum moon_code code;
    int status;
    bool is_done;
    const char *says; /* in the body of a refusal */
};

static void check_call(struct fixture *f, const struct call_case *c, size_t whole_len)
{
    struct outcome o;
    char path[64];
    uint64_t struck = moon_sim_api_faults_struck(f->api);
    snprintf(path, sizeof(path), MAPS "/m");
    add_fault(f, &c->rule);
    send_call(f, &o, "POST", MAPS, MAP("m"));
    wait_end(f, &o);
    assert_int_equal(o.code, c->code);
    assert_int_equal(o.code == MOON_OK ? o.status : 0, c->status);
    assert_int_equal(o.retry_after_ms, c->rule.retry_after_s * 1000);
    if (c->says != NULL && strstr(o.refusal, c->says) == NULL) {
        fail_msg("no %s in: %s", c->says, o.refusal);
    }
    if (c->rule.fault == MOON_SIM_FAULT_CUT_MIDDLE) {
        assert_in_range(o.text.len, whole_len / 2 - 1, whole_len / 2 + 1); /* a version grows */
    } else {
        assert_int_equal(o.text.len, 0);
    }
    assert_int_equal(moon_sim_api_faults_struck(f->api), struck + 1);
    assert_int_equal(exists(f, path), c->is_done);
    if (c->is_done) {
        assert_int_equal(call(f, "DELETE", path, NULL, NULL), 200);
    }
    outcome_fini(&o);
}

#define STATUS_CASE(number, text)                                                                  \
    {                                                                                              \
        .rule = {.verb = "create", .fault = MOON_SIM_FAULT_STATUS, .code = (number)},              \
        .status = (number), .says = (text)                                                         \
    }

static void test_calls_are_spoilt(void **state)
{
    struct fixture *f = *state;
    static const struct call_case cases[] = {
        {.rule = {.verb = "create", .fault = MOON_SIM_FAULT_CUT_BEFORE}, .code = MOON_E_NETWORK},
        {.rule = {.verb = "create", .fault = MOON_SIM_FAULT_CUT_MIDDLE},
         .code = MOON_E_NETWORK,
         .is_done = true},
        {.rule = {.verb = "create", .fault = MOON_SIM_FAULT_CUT_AFTER},
         .code = MOON_E_NETWORK,
         .is_done = true},
        {.rule = {.verb = "create", .fault = MOON_SIM_FAULT_TIMEOUT},
         .status = 504,
         .is_done = true,
         .says = "<title>504 Gateway Time-out</title>"},
        {.rule = {.verb = "create", .fault = MOON_SIM_FAULT_RESTART}, .code = MOON_E_NETWORK},
        STATUS_CASE(401, "\"reason\":\"Unauthorized\""),
        STATUS_CASE(403, "configmaps is forbidden: User \\\"system:anonymous\\\" cannot create "
                         "resource \\\"configmaps\\\" in API group \\\"\\\" in the namespace "
                         "\\\"default\\\""),
        STATUS_CASE(404, "the server could not find the requested resource"),
        STATUS_CASE(409, "configmaps \\\"m\\\" already exists"),
        STATUS_CASE(410, "\"reason\":\"Gone\""),
        STATUS_CASE(422, "\"reason\":\"Invalid\""),
        STATUS_CASE(429, "\"reason\":\"TooManyRequests\""),
        STATUS_CASE(500, "\"code\":500"),
        STATUS_CASE(503, "\"reason\":\"ServiceUnavailable\""),
        STATUS_CASE(504, "\"reason\":\"Timeout\""),
        {.rule =
             {.verb = "create", .fault = MOON_SIM_FAULT_STATUS, .code = 429, .retry_after_s = 7},
         .status = 429,
         .says = "\"retryAfterSeconds\":7"},
    };
    assert_int_equal(post(f, MAPS, MAP("m")), 201);
    size_t whole_len = strlen(f->text);
    assert_int_equal(call(f, "DELETE", MAPS "/m", NULL, NULL), 200);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        check_call(f, &cases[i], whole_len);
    }
    assert_int_equal(post(f, MAPS, MAP("m")), 201);
}

/* The words depend on what was asked for. */
static void test_words_fit_the_call(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *method;
        const char *path;
        int code;
        const char *says;
    } cases[] = {
        {"GET", MAPS "/x", 404, "configmaps \\\"x\\\" not found"},
        {"GET", MAPS, 410, "The resourceVersion for the provided list is too old."},
        {"GET", MAPS "?continue=abc", 410, "The provided continue parameter is too old"},
        {"GET", MAPS "?watch=true", 410, "The resourceVersion for the provided watch is too old."},
        {"GET", "/api/v1/nodes", 403,
         "cannot list resource \\\"nodes\\\" in API group \\\"\\\" at "
         "the cluster scope"},
        {"PUT", MAPS "/x", 409,
         "Operation cannot be fulfilled on configmaps \\\"x\\\": the object "
         "has been modified"},
        {"GET", "/apis", 403, "cannot get path \\\"/apis\\\""},
        {"GET", "/version", 409, "Conflict"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o;
        add_fault(f, &(struct moon_sim_fault_rule){.fault = MOON_SIM_FAULT_STATUS,
                                                   .code = cases[i].code});
        send_call(f, &o, cases[i].method, cases[i].path, NULL);
        wait_end(f, &o);
        assert_int_equal(o.status, cases[i].code);
        if (strstr(o.refusal, cases[i].says) == NULL) {
            fail_msg("no %s in: %s", cases[i].says, o.refusal);
        }
        outcome_fini(&o);
    }
}

static void test_wrong_rules_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct moon_sim_fault_rule wrong[] = {
        {.fault = MOON_SIM_FAULT_STATUS, .code = 418},
        {.fault = MOON_SIM_FAULT_STATUS},
        {.fault = MOON_SIM_FAULT_HALF_LINE, .verb = "list"},
        {.fault = MOON_SIM_FAULT_RESTART, .verb = "fetch"},
        {.fault = MOON_SIM_FAULT_DELAY},
        {.fault = MOON_SIM_FAULT_HOLD},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wrong); i++) {
        struct moon_err err = {0};
        uint64_t number = 0;
        assert_int_equal(moon_sim_api_add_fault(f->api, &wrong[i], &number, &err), -MOON_E_INVALID);
        assert_int_equal(number, 0);
    }
    for (size_t i = 0; i < MOON_SIM_FAULTS; i++) {
        enum moon_sim_fault fault = MOON_SIM_FAULT_RESTART;
        assert_true(moon_sim_fault_parse(moon_sim_fault_name((enum moon_sim_fault)i), &fault));
        assert_int_equal(fault, i);
    }
    assert_false(moon_sim_fault_parse("none", &(enum moon_sim_fault){0}));
}

/* Rules as people write them. */
static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *rule; /* verb resource fault code first times delay retry lines client; */
        const char *error;
    } cases[] = {
        {"create pods cut-after", "create pods cut-after 0 0 0 0 0 0 -,moonset-sim/", NULL},
        {"  *  *  restart  first=7 ", "- - restart 0 7 0 0 0 0 -,moonset-sim/", NULL},
        {"* pods/status 429 retry-after=2s times=3",
         "- pods/status status 429 0 3 0 2 0 -,moonset-sim/", NULL},
        {"get nodes status code=503 retry-after=4 client=any", "get nodes status 503 0 0 0 4 0 -,-",
         NULL},
        {"list * hold delay=1m30s client=kubectl/", "list - hold 0 0 0 90000 0 0 kubectl/,-", NULL},
        {"watch pods half-line lines=10 times=2",
         "watch pods half-line 0 0 2 0 0 10 -,moonset-sim/", NULL},
        {"", NULL, "want VERB RESOURCE FAULT"},
        {"create pods", NULL, "want VERB RESOURCE FAULT"},
        {"create pods cut", NULL, "no fault \"cut\" (known: cut-before"},
        {"create pods 418", NULL, "no answer is known for code 418"},
        {"fetch pods restart", NULL, "\"fetch\" is no verb"},
        {"list pods silent", NULL, "fault silent strikes watches, not \"list\""},
        {"list pods delay", NULL, "fault delay needs a delay"},
        {"list pods delay delay=soon", NULL, "\"soon\" is no value for delay"},
        {"list pods 500 times=0", NULL, "\"0\" is no value for times"},
        {"list pods 500 times", NULL, "\"times\" is not key=value"},
        {"list pods 500 often=3", NULL, "there is no \"often\" of a fault"},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_err err = {0};
        struct moon_sim_fault_line line = {.text = NULL};
        int rc = moon_sim_fault_line_parse(cases[i].line, &line, &err);
        if (cases[i].error != NULL) {
            assert_int_equal(rc, -MOON_E_INVALID);
            assert_null(line.text);
            if (strstr(err.text, cases[i].error) == NULL) {
                fail_msg("%s: %s", cases[i].line, err.text);
            }
            continue;
        }
        const struct moon_sim_fault_rule *r = &line.rule;
        MOON_AUTOFREE char *rule = moon_asprintf(
            "%s %s %s %d %d %d %d %d %d %s,%s", r->verb != NULL ? r->verb : "-",
            r->resource != NULL ? r->resource : "-", moon_sim_fault_name(r->fault), r->code,
            (int)r->first, (int)r->times, (int)r->delay_ms, (int)r->retry_after_s, (int)r->lines,
            r->client != NULL ? r->client : "-", r->not_client != NULL ? r->not_client : "-");
        assert_int_equal(rc, 0);
        assert_string_equal(rule, cases[i].rule);
        moon_sim_fault_line_fini(&line);
    }
}

/* ---- which call ---- */

static void test_rules_choose_and_count(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct moon_sim_fault_rule rule;
        const char *struck; /* one mark for each of five gets of m */
    } cases[] = {
        {{.verb = NULL}, "x...."},
        {{.first = 3}, "..x.."},
        {{.first = 2, .times = 2}, ".xx.."},
        {{.first = 4, .times = UINT64_MAX}, "...xx"},
        {{.verb = "list", .times = 9}, "....."},
        {{.verb = "get", .resource = "configmaps", .ns = "default", .name = "m"}, "x...."},
        {{.resource = "configmaps/status", .times = 9}, "....."},
        {{.ns = "kube-system", .times = 9}, "....."},
        {{.name = "n", .times = 9}, "....."},
        {{.client = "moonset/", .times = 9}, "xxxxx"},
        {{.client = "kubectl/", .times = 9}, "....."},
        {{.not_client = "kubectl/"}, "x...."},
        {{.client = "moon", .not_client = "moonset/", .times = 9}, "....."},
    };
    assert_int_equal(post(f, MAPS, MAP("m")), 201);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct moon_sim_fault_rule rule = cases[i].rule;
        char struck[6] = "";
        rule.fault = MOON_SIM_FAULT_STATUS;
        rule.code = 500;
        add_fault(f, &rule);
        for (int n = 0; n < 5; n++) {
            struck[n] = get(f, MAPS "/m") == 500 ? 'x' : '.';
        }
        assert_string_equal(struck, cases[i].struck);
        moon_sim_api_clear_faults(f->api);
    }
}

/* Both count, the older one strikes. */
static void test_the_oldest_rule_strikes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(post(f, MAPS, MAP("m")), 201);
    add_fault(f, &(struct moon_sim_fault_rule){.fault = MOON_SIM_FAULT_STATUS, .code = 500});
    add_fault(
        f, &(struct moon_sim_fault_rule){.fault = MOON_SIM_FAULT_STATUS, .code = 503, .times = 2});
    assert_int_equal(get(f, MAPS "/m"), 500);
    assert_int_equal(get(f, MAPS "/m"), 503);
    assert_int_equal(get(f, MAPS "/m"), 200);
    assert_int_equal(moon_sim_api_faults_struck(f->api), 2);
}

/* ---- time ---- */

static void test_a_call_arrives_late(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    add_fault(f, &(struct moon_sim_fault_rule){
                     .verb = "create", .fault = MOON_SIM_FAULT_DELAY, .delay_ms = 5000});
    send_call(f, &o, "POST", MAPS, MAP("m"));
    wait_held(f, 1);
    assert_false(exists(f, MAPS "/m"));
    moon_loop_advance(f->loop, 4999);
    assert_false(exists(f, MAPS "/m"));
    assert_false(o.ended);
    moon_loop_advance(f->loop, 1);
    wait_end(f, &o);
    assert_int_equal(o.status, 201);
    assert_int_equal(moon_sim_api_held(f->api), 0);
    outcome_fini(&o);
}

/* A packet does not know that nobody waits for it any more. */
static void test_a_late_call_is_done_without_its_caller(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    struct outcome watch;
    add_fault(f, &(struct moon_sim_fault_rule){
                     .fault = MOON_SIM_FAULT_DELAY, .delay_ms = 5000, .times = 2});
    send_call(f, &o, "POST", MAPS, MAP("m"));
    send_call(f, &watch, "GET", MAPS "?watch=true", NULL);
    wait_held(f, 2);
    outcome_fini(&o);
    outcome_fini(&watch);
    wait_held(f, 0);
    moon_loop_advance(f->loop, 5000);
    assert_true(exists(f, MAPS "/m"));
    assert_int_equal(moon_sim_api_stats(f->api).open_watches, 0);
}

static void test_an_answer_is_held_back(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    struct outcome left;
    add_fault(f, &(struct moon_sim_fault_rule){
                     .verb = "create", .fault = MOON_SIM_FAULT_HOLD, .delay_ms = 5000, .times = 2});
    send_call(f, &o, "POST", MAPS, MAP("m"));
    send_call(f, &left, "POST", MAPS, MAP("n"));
    wait_held(f, 2);
    assert_true(exists(f, MAPS "/m"));
    assert_true(exists(f, MAPS "/n"));
    outcome_fini(&left);
    wait_held(f, 1);
    assert_false(o.ended);
    moon_loop_advance(f->loop, 5000);
    wait_end(f, &o);
    assert_int_equal(o.status, 201);
    assert_non_null(strstr(moon_buf_cstr(&o.text), "\"name\":\"m\""));
    outcome_fini(&o);
}

/* Freed with a late call whose caller has left, one whose caller waits, and a held answer. */
static void test_freed_while_holding(void **state)
{
    struct fixture *f = *state;
    struct outcome left;
    struct outcome late;
    struct outcome held;
    add_fault(f, &(struct moon_sim_fault_rule){
                     .verb = "create", .fault = MOON_SIM_FAULT_DELAY, .delay_ms = 5000});
    add_fault(f, &(struct moon_sim_fault_rule){
                     .verb = "update", .fault = MOON_SIM_FAULT_DELAY, .delay_ms = 5000});
    add_fault(f, &(struct moon_sim_fault_rule){
                     .verb = "get", .fault = MOON_SIM_FAULT_HOLD, .delay_ms = 5000});
    send_call(f, &left, "POST", MAPS, MAP("m"));
    wait_held(f, 1);
    outcome_fini(&left);
    wait_held(f, 0);
    send_call(f, &late, "PUT", MAPS "/m", MAP("m"));
    send_call(f, &held, "GET", MAPS "/m", NULL);
    wait_held(f, 2);
    moon_sim_api_free(moon_steal(&f->api));
    wait_end(f, &late);
    wait_end(f, &held);
    assert_int_equal(late.code, MOON_E_NETWORK);
    outcome_fini(&late);
    outcome_fini(&held);
}

/* ---- restart ---- */

static void test_a_restart_forgets(void **state)
{
    struct fixture *f = *state;
    struct outcome watch;
    struct outcome late;
    char path[256];
    unsigned port = moon_sim_api_port(f->api);
    assert_int_equal(post(f, MAPS, MAP("a")), 201);
    assert_int_equal(post(f, MAPS, MAP("b")), 201);
    get(f, MAPS "?limit=1");
    MOON_AUTOFREE char *token = moon_strdup(text_at(f, "metadata.continue"));
    MOON_AUTOFREE char *version = moon_strdup(text_at(f, "metadata.resourceVersion"));
    assert_int_equal(post(f, MAPS, MAP("c")), 201);
    add_fault(f, &(struct moon_sim_fault_rule){
                     .verb = "create", .fault = MOON_SIM_FAULT_DELAY, .delay_ms = 5000});
    send_call(f, &late, "POST", MAPS, MAP("late"));
    send_call(f, &watch, "GET", MAPS "?watch=true", NULL);
    wait_text(f, &watch, "\"name\":\"c\"");
    wait_held(f, 1);

    moon_sim_api_restart(f->api);
    wait_end(f, &watch);
    wait_end(f, &late);
    assert_int_equal(watch.code, MOON_E_NETWORK);
    assert_int_equal(late.code, MOON_E_NETWORK);
    moon_loop_advance(f->loop, 5000);
    assert_false(exists(f, MAPS "/late")); /* it was under way to the old process */
    assert_true(exists(f, MAPS "/a"));
    assert_int_equal(moon_sim_api_port(f->api), port);
    snprintf(path, sizeof(path), MAPS "?limit=1&continue=%s", token);
    assert_int_equal(get(f, path), 410);
    outcome_fini(&watch);
    snprintf(path, sizeof(path), MAPS "?watch=true&resourceVersion=%s", version);
    send_call(f, &watch, "GET", path, NULL);
    wait_end(f, &watch);
    assert_non_null(strstr(moon_buf_cstr(&watch.text), "\"code\":410"));
    outcome_fini(&watch);
    outcome_fini(&late);
}

/* ---- watches ---- */

static size_t lines_in(const struct outcome *o, const char *type)
{
    size_t count = 0;
    for (const char *p = moon_buf_cstr(&o->text); (p = strstr(p, type)) != NULL; p++) {
        count++;
    }
    return count;
}

/* Three objects are there, a fourth comes: at which does the fault strike, and what is seen? */
static void test_watches_are_spoilt(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum moon_sim_fault fault;
        uint64_t lines;
        size_t added;  /* lines with ADDED that are seen */
        bool ends;     /* in whatever way… */
        bool is_clean; /* …in good order */
        const char *says;
        bool is_torn; /* it ends inside a line */
    } cases[] = {
        {MOON_SIM_FAULT_CUT_WATCH, 0, 0, true, false, NULL, false},
        {MOON_SIM_FAULT_CUT_WATCH, 2, 2, true, false, "\"m2\"", false},
        {MOON_SIM_FAULT_HALF_LINE, 1, 2, true, false, "\"m1\"", true},
        {MOON_SIM_FAULT_CUT_MIDDLE, 0, 1, true, false, "ADDED", true},
        {MOON_SIM_FAULT_SILENT, 2, 2, false, false, "\"m2\"", false},
        {MOON_SIM_FAULT_REPEAT, 3, 5, false, false, "\"m4\"", false},
        {MOON_SIM_FAULT_GONE, 3, 3, true, true, "\"type\":\"ERROR\"", false},
        {MOON_SIM_FAULT_GONE, 0, 0, true, true, "\"code\":410", false},
        {MOON_SIM_FAULT_GARBAGE, 4, 4, false, false, "<html>", false},
        {MOON_SIM_FAULT_GARBAGE, 0, 4, false, false, "<html>", false},
        {MOON_SIM_FAULT_HALF_LINE, 5, 4, false, false, "\"m4\"", false}, /* no line to strike */
    };
    assert_int_equal(post(f, MAPS, MAP("m1")), 201);
    assert_int_equal(post(f, MAPS, MAP("m2")), 201);
    assert_int_equal(post(f, MAPS, MAP("m3")), 201);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o;
        size_t open = moon_sim_api_stats(f->api).watches;
        uint64_t struck = moon_sim_api_faults_struck(f->api);
        add_fault(f, &(struct moon_sim_fault_rule){
                         .verb = "watch", .fault = cases[i].fault, .lines = cases[i].lines});
        send_call(f, &o, "GET", MAPS "?watch=true&timeoutSeconds=60", NULL);
        for (int n = 0; n < TURNS && moon_sim_api_stats(f->api).watches == open; n++) {
            moon_loop_turn(f->loop, 10);
        }
        assert_int_equal(post(f, MAPS, MAP("m4")), 201);
        /* What comes, has come once an answer that was sent later is here. */
        assert_int_equal(call(f, "DELETE", MAPS "/m4", NULL, NULL), 200);
        if (cases[i].ends) {
            wait_end(f, &o);
            assert_int_equal(o.code, cases[i].is_clean ? MOON_OK : MOON_E_NETWORK);
        } else if (cases[i].fault != MOON_SIM_FAULT_SILENT) {
            wait_text(f, &o, "DELETED");
        } else {
            wait_text(f, &o, "\"m2\"");
            /* Not even its time ends it. */
            moon_loop_advance(f->loop, 61 * 1000);
            assert_int_equal(get(f, MAPS), 200);
        }
        assert_int_equal(o.ended, cases[i].ends);
        assert_int_equal(lines_in(&o, "\"type\":\"ADDED\""), cases[i].added);
        if (cases[i].says != NULL) {
            wait_text(f, &o, cases[i].says);
        }
        bool is_torn = o.text.len > 0 && o.text.data[o.text.len - 1] != '\n';
        assert_int_equal(is_torn, cases[i].is_torn);
        moon_sim_api_clear_faults(f->api);
        outcome_fini(&o);
        bool strikes = cases[i].fault != MOON_SIM_FAULT_HALF_LINE || cases[i].lines < 5;
        assert_int_equal(moon_sim_api_faults_struck(f->api), struck + (strikes ? 1 : 0));
    }
}

/* Other faults meet watches, too. */
static void test_watches_do_not_open(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct moon_sim_fault_rule rule;
        enum moon_code code;
        int status;
    } cases[] = {
        {{.fault = MOON_SIM_FAULT_CUT_BEFORE}, MOON_E_NETWORK, 0},
        {{.fault = MOON_SIM_FAULT_CUT_AFTER}, MOON_E_NETWORK, 0},
        {{.fault = MOON_SIM_FAULT_TIMEOUT}, MOON_OK, 504},
        {{.fault = MOON_SIM_FAULT_STATUS, .code = 503}, MOON_OK, 503},
        {{.fault = MOON_SIM_FAULT_RESTART}, MOON_E_NETWORK, 0},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct outcome o;
        add_fault(f, &cases[i].rule);
        send_call(f, &o, "GET", MAPS "?watch=true", NULL);
        wait_end(f, &o);
        assert_int_equal(o.code, cases[i].code);
        assert_int_equal(o.code == MOON_OK ? o.status : 0, cases[i].status);
        assert_int_equal(moon_sim_api_stats(f->api).open_watches, 0);
        outcome_fini(&o);
    }
}

/* ---- looking on ---- */

static void log_call(struct moon_buf *log, const char *what, const struct moon_sim_api_call *call)
{
    moon_buf_printf(log, "%s %s %s%s%s%s%s %d%s%s%s;", what, call->verb, call->resource,
                    call->ns[0] != '\0' ? " " : "", call->ns, call->name[0] != '\0' ? "/" : "",
                    call->name, call->status, call->dry_run ? " dry" : "",
                    call->fault != NULL ? " " : "", call->fault != NULL ? call->fault : "");
}

static void on_begin(const struct moon_sim_api_call *call, void *ctx)
{
    log_call(ctx, "begin", call);
}

static void on_end(const struct moon_sim_api_call *call, void *ctx)
{
    log_call(ctx, "end", call);
}

static void on_event(const struct moon_sim_event *event, void *ctx)
{
    moon_buf_printf(ctx, "event %d %s;", (int)event->type, event->obj->name);
}

static void on_restart(void *ctx)
{
    moon_buf_puts(ctx, "restart;");
}

static void test_an_observer_sees_calls_and_their_events(void **state)
{
    struct fixture *f = *state;
    struct moon_buf log = MOON_BUF_INIT(1 << 20);
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        const char *log;
    } cases[] = {
        {"POST", MAPS, MAP("m"),
         "begin create configmaps default 0;event 0 m;end create configmaps default 201;"},
        {"POST", MAPS, MAP("m"),
         "begin create configmaps default 0;end create configmaps default 409;"},
        {"GET", "/version", NULL, "begin get  0;end get  200;"},
        {"GET", "/api/v1/nope", NULL, "begin get  0;end get  404;"},
        {"GET", MAPS "/m?dryRun=All", NULL,
         "begin get configmaps default/m 0 dry;end get configmaps default/m 200 dry;"},
        {"DELETE", MAPS "/m", "{\"dryRun\":[\"All\"]}",
         "begin delete configmaps default/m 0;end delete configmaps default/m 200 dry;"},
        {"GET", "/api/v1/nodes/n/status", NULL,
         "begin get nodes/status/n 0;end get nodes/status/n 404;"},
        {"DELETE", MAPS, NULL,
         "begin deletecollection configmaps default 0;event 2 m;"
         "end deletecollection configmaps default 200;"},
    };
    const struct moon_sim_api_observer observer = {.on_begin = on_begin,
                                                   .on_end = on_end,
                                                   .on_event = on_event,
                                                   .on_restart = on_restart,
                                                   .ctx = &log};
    moon_sim_api_observe(f->api, &observer);
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        moon_buf_clear(&log);
        (void)call(f, cases[i].method, cases[i].path, JSON, cases[i].body);
        assert_string_equal(moon_buf_cstr(&log), cases[i].log);
    }
    moon_buf_clear(&log);
    add_fault(f, &(struct moon_sim_fault_rule){.fault = MOON_SIM_FAULT_TIMEOUT});
    assert_int_equal(post(f, MAPS, MAP("m")), 504);
    add_fault(f, &(struct moon_sim_fault_rule){.fault = MOON_SIM_FAULT_STATUS, .code = 401});
    assert_int_equal(post(f, MAPS, MAP("n")), 401);
    assert_string_equal(moon_buf_cstr(&log), "begin create configmaps default 0 timeout;event 0 m;"
                                             "end create configmaps default 201 timeout;"
                                             "begin create configmaps default 0 status;"
                                             "end create configmaps default 401 status;");
    moon_buf_clear(&log);
    moon_sim_api_restart(f->api);
    assert_string_equal(moon_buf_cstr(&log), "restart;");
    moon_sim_api_observe(f->api, NULL);
    moon_buf_clear(&log);
    assert_int_equal(get(f, MAPS), 200);
    assert_int_equal(log.len, 0);
    moon_buf_fini(&log);
}

#define FAULT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_virtual, teardown_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(test_calls_are_spoilt),
        FAULT_TEST(test_words_fit_the_call),
        FAULT_TEST(test_wrong_rules_are_refused),
        cmocka_unit_test(test_lines),
        FAULT_TEST(test_rules_choose_and_count),
        FAULT_TEST(test_the_oldest_rule_strikes),
        FAULT_TEST(test_a_call_arrives_late),
        FAULT_TEST(test_a_late_call_is_done_without_its_caller),
        FAULT_TEST(test_an_answer_is_held_back),
        FAULT_TEST(test_freed_while_holding),
        FAULT_TEST(test_a_restart_forgets),
        FAULT_TEST(test_watches_are_spoilt),
        FAULT_TEST(test_watches_do_not_open),
        FAULT_TEST(test_an_observer_sees_calls_and_their_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
