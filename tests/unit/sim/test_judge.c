/* SPDX-License-Identifier: Apache-2.0
 *
 * test_judge.c - what the judge says to a story. A story is a list of steps, played over HTTP
 * against a real server by a controller (moonset/) and by everybody else; the clock is virtual.
 */
#include "api_fixture.h"

#include <stdio.h>

#include "base/time.h"
#include "sim/judge.h"

#define SETS "/apis/apps/v1/namespaces/default/daemonsets"
#define REVISIONS "/apis/apps/v1/namespaces/default/controllerrevisions"
#define PODS "/api/v1/namespaces/default/pods"
#define NODES "/api/v1/nodes"

struct court {
    struct fixture f;
    struct moon_http *controller;
    struct moon_http *others;
    struct moon_judge *judge;
    struct moon_buf said; /* rules, separated by commas */
    struct moon_buf text;
    char *set_uid;
};

static void on_violation(const struct moon_judge_violation *v, void *ctx)
{
    struct court *c = ctx;
    moon_buf_printf(&c->said, "%s%s", c->said.len > 0 ? "," : "", v->rule);
    moon_buf_printf(&c->text, "%s: %s\n", v->rule, v->text);
}

static void on_begin(const struct moon_sim_api_call *call, void *ctx)
{
    moon_judge_begin(((struct court *)ctx)->judge, call);
}

static void on_end(const struct moon_sim_api_call *call, void *ctx)
{
    moon_judge_end(((struct court *)ctx)->judge, call);
}

static void on_event(const struct moon_sim_event *event, void *ctx)
{
    moon_judge_event(((struct court *)ctx)->judge, event);
}

static struct moon_http *client_new(struct moon_loop *loop, const char *name)
{
    struct moon_err err;
    struct moon_http *http =
        moon_http_new(loop, &(struct moon_http_opts){.user_agent = name}, &err);
    assert_non_null(http);
    return http;
}

static void open_court(struct court *c)
{
    struct moon_err err;
    *c = (struct court){.said = MOON_BUF_INIT(1 << 20), .text = MOON_BUF_INIT(1 << 20)};
    c->f.loop = moon_loop_new(&(struct moon_loop_opts){.virtual_clock = true}, &err);
    c->f.api = moon_sim_api_new(c->f.loop, NULL, &err);
    assert_non_null(c->f.api);
    c->controller = client_new(c->f.loop, "moonset/1");
    c->others = client_new(c->f.loop, "moonset-sim/1");
    c->f.http = c->others;
    c->judge = moon_judge_new(&(struct moon_judge_opts){
        .loop = c->f.loop, .client = "moonset/", .on_violation = on_violation, .ctx = c});
    moon_sim_api_observe(
        c->f.api, &(struct moon_sim_api_observer){
                      .on_begin = on_begin, .on_end = on_end, .on_event = on_event, .ctx = c});
}

static void close_court(struct court *c)
{
    moon_http_free(c->controller);
    moon_http_free(c->others);
    moon_sim_api_free(c->f.api);
    moon_judge_free(c->judge);
    moon_loop_free(c->f.loop);
    cJSON_Delete(c->f.answer);
    moon_free(c->f.text);
    moon_free(c->set_uid);
    moon_buf_fini(&c->said);
    moon_buf_fini(&c->text);
}

/* ---- calls ---- */

static void must(struct court *c, const char *method, const char *path, const char *header,
                 const char *body)
{
    int status = call(&c->f, method, path, header, body);
    if (status < 200 || status > 299) {
        fail_msg("%s %s %s: %d %s", method, path, body != NULL ? body : "", status, c->f.text);
    }
}

static void make_pod(struct court *c, const char *node, const char *name, const char *hash,
                     bool is_owned)
{
    char owner[400] = "";
    char body[1200];
    if (is_owned) {
        snprintf(owner, sizeof(owner),
                 ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\","
                 "\"name\":\"d\",\"uid\":\"%s\",\"controller\":true,"
                 "\"blockOwnerDeletion\":true}]",
                 c->set_uid);
    }
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"a\":\"b\","
             "\"controller-revision-hash\":\"%s\"}%s},\"spec\":{\"nodeName\":\"%s\","
             "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
             name, hash[0] != '\0' ? hash : "h1", owner, node);
    must(c, "POST", PODS, JSON, body);
}

static void adopt(struct court *c, const char *name, const char *kind)
{
    char path[128];
    char body[400];
    snprintf(path, sizeof(path), PODS "/%s", name);
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"%s\","
             "\"name\":\"d\",\"uid\":\"%s\",\"controller\":true,\"blockOwnerDeletion\":true}]}}",
             kind, c->set_uid);
    must(c, "PATCH", path, MERGE, body);
}

static void set_ready(struct court *c, const char *name, bool ready)
{
    char path[128];
    char body[300];
    char when[MOON_TIME_TEXT];
    snprintf(path, sizeof(path), PODS "/%s/status", name);
    snprintf(body, sizeof(body),
             "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"
             "\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
             ready ? "True" : "False", moon_time_format(moon_loop_wall_ms(c->f.loop) / 1000, when));
    must(c, "PATCH", path, MERGE, body);
}

static void make_set(struct court *c)
{
    must(c, "POST", SETS, JSON,
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
         "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{"
         "\"name\":\"c\",\"image\":\"i\"}]}}}}");
    moon_free(c->set_uid);
    c->set_uid = moon_strdup(text_at(&c->f, "metadata.uid"));
}

static void make_revision(struct court *c, const char *name, int number, const char *template)
{
    char body[4096];
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"controller-revision-hash\":\"%s\"},"
             "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":"
             "\"d\",\"uid\":\"%s\",\"controller\":true,\"blockOwnerDeletion\":true}]},"
             "\"revision\":%d,\"data\":{\"spec\":{\"template\":%s}}}",
             name, name, c->set_uid, number, template);
    must(c, "POST", REVISIONS, JSON, body);
}

/* A revision of what the set says now. */
static void revise(struct court *c, const char *name, int number)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(4096);
    must(c, "GET", SETS "/d", NULL, NULL);
    char *printed = cJSON_PrintUnformatted(moon_json_get(c->f.answer, "spec.template"));
    moon_buf_printf(&text, "{\"$patch\":\"replace\",%s", printed + 1);
    cJSON_free(printed);
    make_revision(c, name, number, moon_buf_cstr(&text));
}

/* ---- steps ---- */

/* What may be done to the set. */
static const struct {
    const char *name;
    const char *patch;
} changes[] = {
    {"max2", "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":2}}}}"},
    {"max1", "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":1}}}}"},
    {"half", "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"50%\"}}}}"},
    {"surge", "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0,"
              "\"maxSurge\":1}}}}"},
    {"no-surge", "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":1,"
                 "\"maxSurge\":0}}}}"},
    {"on-delete", "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":null}}}"},
    {"rolling", "{\"spec\":{\"updateStrategy\":{\"type\":\"RollingUpdate\"}}}"},
    {"min-ready", "{\"spec\":{\"minReadySeconds\":10}}"},
    {"image", "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"x\":\"y\"}}}}}"},
    {"policy", "{\"metadata\":{\"annotations\":{\"moonset.dev/policies\":\"p\"}}}"},
    {"own-budget", "{\"metadata\":{\"annotations\":{\"moonset.dev/policies\":\"p\","
                   "\"moonset.dev/budget-owner\":\"policy\"}}}"},
    {"select", "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"disk\":\"ssd\"}}}}}"},
    {"tolerate", "{\"spec\":{\"template\":{\"spec\":{\"tolerations\":[{\"key\":\"k\",\"operator\":"
                 "\"Exists\"}]}}}}"},
    {"observed", NULL}, /* the controller has seen the newest */
};

static void change_set(struct court *c, const char *name)
{
    char body[128];
    for (size_t i = 0; i < MOON_ARRAY_SIZE(changes); i++) {
        if (!moon_streq(changes[i].name, name)) {
            continue;
        }
        if (changes[i].patch != NULL) {
            must(c, "PATCH", SETS "/d", MERGE, changes[i].patch);
            return;
        }
        (void)get(&c->f, SETS "/d");
        snprintf(body, sizeof(body), "{\"status\":{\"observedGeneration\":%d}}",
                 (int)int_at(&c->f, "metadata.generation"));
        must(c, "PATCH", SETS "/d/status", MERGE, body);
        return;
    }
    fail_msg("no such change: %s", name);
}

/* Steps of everybody else. */
static bool step_of_others(struct court *c, const char *verb, const char *x, const char *y,
                           const char *z)
{
    char path[128];
    char body[256];
    c->f.http = c->others;
    snprintf(path, sizeof(path), PODS "/%s", x);
    if (moon_streq(verb, "node")) {
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", x);
        must(c, "POST", NODES, JSON, body);
    } else if (moon_streq(verb, "no-node")) {
        snprintf(path, sizeof(path), NODES "/%s", x);
        must(c, "DELETE", path, NULL, NULL);
    } else if (moon_streq(verb, "taint") || moon_streq(verb, "untaint")) {
        snprintf(path, sizeof(path), NODES "/%s", x);
        snprintf(body, sizeof(body), "{\"spec\":{\"taints\":[{\"key\":\"k\",\"effect\":\"%s\"}]}}",
                 y);
        must(c, "PATCH", path, MERGE,
             moon_streq(verb, "taint") ? body : "{\"spec\":{\"taints\":null}}");
    } else if (moon_streq(verb, "set")) {
        make_set(c);
    } else if (moon_streq(verb, "no-set")) {
        must(c, "DELETE", SETS "/d", JSON, "{\"propagationPolicy\":\"Background\"}");
    } else if (moon_streq(verb, "free-set")) {
        must(c, "DELETE", SETS "/d", JSON, "{\"propagationPolicy\":\"Orphan\"}");
        moon_loop_advance(c->f.loop, 1000); /* the collector's turn */
    } else if (moon_streq(verb, "revise")) {
        revise(c, x, y[0] - '0');
    } else if (moon_streq(verb, "change")) {
        change_set(c, x);
    } else if (moon_streq(verb, "other-makes") || moon_streq(verb, "orphan")) {
        make_pod(c, x, y, z, moon_streq(verb, "other-makes"));
    } else if (moon_streq(verb, "own-by")) {
        adopt(c, x, y);
    } else if (moon_streq(verb, "ready") || moon_streq(verb, "unready")) {
        set_ready(c, x, moon_streq(verb, "ready"));
    } else if (moon_streq(verb, "fail")) {
        snprintf(path, sizeof(path), PODS "/%s/status", x);
        must(c, "PATCH", path, MERGE, "{\"status\":{\"phase\":\"Failed\"}}");
    } else if (moon_streq(verb, "end")) {
        snprintf(path, sizeof(path), PODS "/%s?gracePeriodSeconds=0", x);
        must(c, "DELETE", path, NULL, NULL);
    } else if (moon_streq(verb, "other-deletes")) {
        must(c, "DELETE", path, NULL, NULL);
    } else if (moon_streq(verb, "wait")) {
        uint64_t ms = 0;
        assert_true(moon_parse_duration_ms(moon_str(x), &ms));
        moon_loop_advance(c->f.loop, ms);
    } else {
        return false;
    }
    return true;
}

static bool step_of_controller(struct court *c, const char *verb, const char *x, const char *y,
                               const char *z)
{
    char path[128];
    struct moon_err err;
    c->f.http = c->controller;
    snprintf(path, sizeof(path), PODS "/%s", x);
    if (moon_streq(verb, "make") || moon_streq(verb, "make-free")) {
        make_pod(c, x, y, z, moon_streq(verb, "make"));
    } else if (moon_streq(verb, "delete")) {
        must(c, "DELETE", path, NULL, NULL);
    } else if (moon_streq(verb, "adopt")) {
        adopt(c, x, "DaemonSet");
    } else if (moon_streq(verb, "touch")) {
        must(c, "PATCH", path, MERGE, "{\"metadata\":{\"annotations\":{\"x\":\"y\"}}}");
    } else if (moon_streq(verb, "read")) {
        (void)get(&c->f, PODS);
    } else if (moon_streq(verb, "lease")) {
        must(c, "POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", JSON,
             "{\"metadata\":{\"name\":\"l\"}}");
    } else if (moon_streq(verb, "dry")) {
        must(c, "DELETE", SETS "/d?dryRun=All", NULL, NULL);
    } else if (moon_streq(verb, "status")) {
        must(c, "PATCH", SETS "/d/status", MERGE, "{\"status\":{\"numberReady\":1}}");
    } else if (moon_streq(verb, "alarm")) {
        must(c, "POST", "/api/v1/namespaces/default/events", JSON,
             "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"default\"},"
             "\"reason\":\"AnotherController\"}");
    } else if (moon_streq(verb, "rest") || moon_streq(verb, "no-rest")) {
        moon_judge_expect_rest(c->judge, moon_streq(verb, "rest"));
    } else if (moon_streq(verb, "fault")) {
        assert_int_equal(moon_sim_api_add_fault(
                             c->f.api,
                             &(struct moon_sim_fault_rule){
                                 .client = "moonset/", .fault = MOON_SIM_FAULT_STATUS, .code = 503},
                             NULL, &err),
                         0);
        (void)get(&c->f, PODS);
    } else {
        return false;
    }
    return true;
}

static void play(struct court *c, const char *story)
{
    struct moon_str rest = moon_str(story);
    struct moon_str piece;
    while (moon_str_split(&rest, ';', &piece)) {
        char words[4][64] = {""};
        struct moon_str step = moon_str_trim(piece);
        struct moon_str word;
        for (size_t i = 0; i < 4 && moon_str_split(&step, ' ', &word); i++) {
            snprintf(words[i], sizeof(words[i]), "%.*s", MOON_STR_ARG(word));
        }
        if (words[0][0] != '\0' && !step_of_others(c, words[0], words[1], words[2], words[3]) &&
            !step_of_controller(c, words[0], words[1], words[2], words[3])) {
            fail_msg("no such step: %s", words[0]);
        }
    }
}

/* ---- violations and near misses ---- */

/* Three nodes, each with an available pod of the old revision, known to everybody. */
#define THREE                                                                                      \
    "node n1; node n2; node n3; set; make n1 p1; make n2 p2; make n3 p3; ready p1; ready p2; "     \
    "ready p3; change observed; wait 1s; "
#define ROLL THREE "change image; change observed; wait 1s; "

static const struct {
    const char *what;
    const char *story;
    const char *said;
} stories[] = {
    /* double */
    {"two ready pods on one node", "node n1; set; make n1 a; ready a; make n1 b; ready b",
     "double"},
    {"it is said once", "node n1; set; make n1 a; ready a; make n1 b; ready b; touch b", "double"},
    {"one of them is not ready", "node n1; set; make n1 a; ready a; make n1 b", ""},
    {"one of them is being deleted",
     "node n1; set; make n1 a; ready a; delete a; make n1 b; ready b", ""},
    {"on two nodes", "node n1; node n2; set; make n1 a; ready a; make n2 b; ready b", ""},
    {"the first one is another controller's",
     "node n1; set; other-makes n1 a; ready a; make n1 b; ready b", "double"},
    {"both are another controller's",
     "node n1; set; other-makes n1 a; ready a; other-makes n1 b; ready b", ""},
    {"the other one was adopted later",
     "node n1; set; make n1 a; orphan n1 b; ready b; adopt b; ready a", ""},
    {"the other one was adopted after ours was made",
     "node n1; set; orphan n1 b; ready b; make n1 a; adopt b; ready a", ""},
    {"the other one was adopted before",
     "node n1; set; orphan n1 b; ready b; adopt b; make n1 a; ready a", "double"},
    {"with surge, two revisions",
     "node n1; set; change surge; make n1 a h1; ready a; change image; make n1 b h2; ready b", ""},
    {"with surge, one revision",
     "node n1; set; change surge; make n1 a; ready a; make n1 b; ready b", "double"},
    {"with surge, three",
     "node n1; set; change surge; make n1 a h1; ready a; make n1 b h2; ready b; make n1 c h3; "
     "ready c",
     "double"},
    {"surge has just been taken away",
     "node n1; set; change surge; make n1 a h1; ready a; make n1 b h2; change no-surge; ready b",
     ""},
    {"surge was taken away and that is known",
     "node n1; set; change surge; make n1 a h1; ready a; change no-surge; change observed; wait "
     "1s; "
     "make n1 b h2; ready b",
     "double"},
    /* budget */
    {"one at a time", ROLL "delete p1; end p1; make n1 q1 h2; ready q1; delete p2", ""},
    {"two at once", ROLL "delete p1; delete p2", "budget"},
    {"the next one before the new one is ready", ROLL "delete p1; end p1; make n1 q1 h2; delete p2",
     "budget"},
    {"the new one was ready once",
     ROLL "delete p1; end p1; make n1 q1 h2; ready q1; unready q1; delete p2", ""},
    {"two are allowed",
     THREE "change max2; change observed; change image; wait 1s; "
           "delete p1; delete p2",
     ""},
    {"three are not",
     THREE "change max2; change observed; change image; wait 1s; "
           "delete p1; delete p2; delete p3",
     "budget"},
    {"half of three is two", THREE "change half; change observed; wait 1s; delete p1; delete p2",
     ""},
    {"half of three is not three",
     THREE "change half; change observed; wait 1s; delete p1; delete p2; delete p3", "budget"},
    {"half of five is three while one node goes",
     "node n4; node n5; " THREE "change half; change observed; wait 1s; no-node n5; "
     "delete p1; delete p2; delete p3",
     ""},
    {"half of four is two once that is known",
     "node n4; node n5; " THREE "change half; change observed; wait 1s; no-node n5; wait 1s; "
     "delete p1; delete p2; delete p3",
     "budget"},
    {"two were allowed a moment ago",
     THREE "change max2; change observed; wait 1s; change max1; delete p1; delete p2", ""},
    {"two were allowed, and it has not said that it knows better",
     THREE "change max2; change observed; wait 1s; change max1; wait 1s; delete p1; delete p2", ""},
    {"two were allowed a moment ago, and the rest of a plan is on its way",
     THREE "change max2; change observed; wait 1s; change max1; change observed; delete p1; "
           "delete p2",
     ""},
    {"two were allowed long ago",
     THREE "change max2; change observed; wait 1s; change max1; change observed; wait 1s; "
           "delete p1; delete p2",
     "budget"},
    {"what was not available does not count",
     ROLL "unready p1; unready p2; wait 1s; delete p1; delete p2; delete p3", ""},
    {"what has just become available may not be known",
     ROLL "unready p1; wait 1s; ready p1; delete p1; delete p2", ""},
    {"not ready for long enough",
     THREE "change min-ready; change observed; wait 20s; unready p1; wait 1s; ready p1; wait 5s; "
           "delete p1; delete p2",
     ""},
    {"ready for long enough",
     THREE "change min-ready; change observed; wait 20s; unready p1; wait 1s; ready p1; wait 15s; "
           "delete p1; delete p2",
     "budget"},
    {"others delete", ROLL "other-deletes p1; other-deletes p2; delete p3", ""},
    {"a tainted node may not have one", ROLL "taint n1 NoExecute; delete p1; delete p2", ""},
    {"a node that was tainted until now",
     THREE "taint n1 NoExecute; wait 1s; untaint n1; "
           "change observed; delete p1; delete p2",
     ""},
    {"a tolerated taint is none",
     THREE "change tolerate; change observed; taint n1 NoExecute; "
           "wait 1s; delete p1; delete p2",
     "budget"},
    {"a node that was left out", THREE "change select; delete p1; delete p2; delete p3", ""},
    {"the node goes while its pod is replaced", ROLL "delete p1; end p1; no-node n1; delete p2",
     ""},
    {"the node is tainted while its pod is replaced",
     ROLL "delete p1; end p1; taint n1 NoExecute; delete p2", ""},
    {"the node is down while its pod is replaced",
     ROLL "delete p1; end p1; make n1 q1 h2; wait 60s; delete p2", "budget"},
    {"deleted twice", ROLL "delete p1; delete p1", ""},
    {"with surge, when the new one is ready",
     "node n1; node n2; set; change surge; change observed; make n1 a1 h1; make n2 a2 h1; "
     "ready a1; ready a2; wait 1s; make n1 b1 h2; ready b1; delete a1; make n2 b2 h2; ready b2; "
     "delete a2",
     ""},
    {"with surge, before that",
     "node n1; set; change surge; change observed; make n1 a1 h1; ready a1; wait 1s; "
     "make n1 b1 h2; delete a1",
     "budget"},
    {"updates wait for deletion", THREE "change on-delete; change observed; wait 1s; delete p1",
     "budget"},
    {"updates have just begun to wait", THREE "change on-delete; delete p1", ""},
    {"updates wait no more",
     THREE "change on-delete; change observed; wait 1s; change rolling; delete p1", ""},
    {"a failed pod goes in any case",
     THREE "change on-delete; change observed; fail p1; wait 1s; delete p1", ""},
    {"a surplus pod goes in any case",
     THREE "change on-delete; change observed; other-makes n1 x; wait 1s; delete x", ""},
    {"a policy places",
     THREE "change policy; wait 1s; delete p1; end p1; delete p2; end p2; "
           "delete p3",
     ""},
    {"a policy takes away what is new",
     THREE "revise h1 1; change policy; wait 1s; delete p1; delete p2", ""},
    {"with a policy, what is old is replaced within the budget",
     THREE "revise h1 1; change policy; change image; change observed; revise h2 2; wait 1s; "
           "delete p1; delete p2",
     "budget"},
    {"a policy has the budget", THREE "change own-budget; wait 1s; delete p1; delete p2", ""},
    {"after a fault a change may be unknown",
     THREE "change max2; change observed; wait 1s; fault; wait 5s; taint n1 NoExecute; wait 1s; "
           "untaint n1; wait 1s; delete p1; delete p2; delete p3",
     ""},
    {"but not for ever",
     THREE "change max2; change observed; wait 1s; fault; wait 5s; taint n1 NoExecute; wait 1s; "
           "untaint n1; wait 5m; delete p1; delete p2; delete p3",
     "budget"},
    {"after a fault two at once are still two", ROLL "fault; delete p1; delete p2", "budget"},
    /* foreign */
    {"deleted a free pod", "node n1; set; orphan n1 a; delete a", "foreign"},
    {"changed a free pod", "node n1; set; orphan n1 a; touch a", "foreign"},
    {"adopted a free pod", "node n1; set; orphan n1 a; adopt a; touch a", ""},
    {"deleted another controller's pod", "node n1; set; orphan n1 a; own-by a ReplicaSet; delete a",
     "foreign"},
    {"changed another controller's pod", "node n1; set; orphan n1 a; own-by a ReplicaSet; touch a",
     "foreign"},
    {"others may", "node n1; set; orphan n1 a; other-deletes a", ""},
    {"made a free pod", "node n1; set; make-free n1 a", "foreign"},
    /* ghost */
    {"a node that never was", "set; make n9 a", "ghost"},
    {"a node that is gone", "node n1; set; no-node n1; wait 1s; make n1 a", "ghost"},
    {"a node that has just gone", "node n1; set; no-node n1; make n1 a", ""},
    {"a set that is gone", "node n1; set; no-set; wait 1s; make n1 a", "ghost"},
    {"a set that has just gone", "node n1; set; no-set; make n1 a", ""},
    {"a set that came again", "node n1; set; no-set; wait 1s; set; make n1 a", ""},
    {"a set that is gone, after a fault",
     "node n1; set; fault; wait 5s; no-set; wait 1s; make n1 a", ""},
    /* noise */
    {"a write at rest", "node n1; set; rest; status", "noise"},
    {"each write", "node n1; set; rest; status; make n1 a", "noise,noise"},
    {"reads, leases and dry runs are none", "node n1; set; rest; read; lease; dry", ""},
    {"others may write", "node n1; set; rest; change max2", ""},
    {"rest is over", "node n1; set; rest; no-rest; status", ""},
    {"an alarm though nobody else writes", "node n1; set; make n1 a; alarm", "alarm"},
    {"an alarm when somebody does", "node n1; set; other-makes n1 a; alarm", ""},
    /* repeat */
    {"made again and again",
     "node n1; set; make n1 a; delete a; end a; make n1 b; delete b; end b; make n1 c; delete c; "
     "end c; make n1 d; delete d; end d; make n1 e; delete e; end e; make n1 f; delete f",
     "repeat,repeat"},
    {"a handful",
     "node n1; set; make n1 a; delete a; end a; make n1 b; delete b; end b; make n1 c; delete c; "
     "end c; make n1 d; delete d; end d; make n1 e; delete e",
     ""},
    {"made again because it failed",
     "node n1; set; make n1 a; fail a; delete a; make n1 b; fail b; delete b; make n1 c; fail c; "
     "delete c; make n1 d; fail d; delete d; make n1 e; fail e; delete e; make n1 f; fail f; "
     "delete f; make n1 g",
     ""},
    {"made again because others deleted it",
     "node n1; set; make n1 a; other-deletes a; end a; make n1 b; other-deletes b; end b; "
     "make n1 c; other-deletes c; end c; make n1 d; other-deletes d; end d; make n1 e; "
     "other-deletes e; end e; make n1 f; other-deletes f; end f; make n1 g",
     ""},
};

static void test_stories(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(stories); i++) {
        struct court c;
        open_court(&c);
        play(&c, stories[i].story);
        if (!moon_streq(moon_buf_cstr(&c.said), stories[i].said)) {
            print_error("%s: said \"%s\", not \"%s\"\n%s\n", stories[i].what,
                        moon_buf_cstr(&c.said), stories[i].said, moon_buf_cstr(&c.text));
            wrong++;
        }
        assert_int_equal(moon_judge_violations(c.judge) == 0, c.said.len == 0);
        close_court(&c);
    }
    assert_int_equal(wrong, 0);
}

/* A verdict names what it is about. */
static void test_verdicts_are_readable(void **state)
{
    (void)state;
    struct court c;
    open_court(&c);
    play(&c, ROLL "delete p1; delete p2");
    assert_string_equal(moon_buf_cstr(&c.text),
                        "budget: set default/d, node n2: deleted the available pod p2: 2 nodes "
                        "without one by the controller's hand, 1 allowed\n");
    assert_int_equal(moon_judge_calls(c.judge, "create", "nodes"), 0); /* others' */
    assert_int_equal(moon_judge_writes(c.judge), 5);
    moon_buf_clear(&c.text);
    moon_judge_tally(c.judge, &c.text);
    assert_string_equal(moon_buf_cstr(&c.text), "create pods 3, delete pods 2");
    close_court(&c);
}

/* ---- may this node have a daemon ---- */

static int64_t desired_of(struct court *c)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
    /* Nothing is placed yet: the first node that wants a pod is named. */
    if (moon_judge_is_settled(c->judge, &why)) {
        return -1;
    }
    return strstr(moon_buf_cstr(&why), "no pod") != NULL ? 1 : 0;
}

#define AFFINITY(terms)                                                                            \
    "{\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"        \
    "\"nodeSelectorTerms\":[" terms "]}}}}"
#define EXPRESSION(text) AFFINITY("{\"matchExpressions\":[" text "]}")

static void test_nodes_that_fit(void **state)
{
    (void)state;
    static const struct {
        const char *spec; /* of the template */
        const char *taints;
        bool fits;
    } cases[] = {
        {"{}", "[]", true},
        {"{\"nodeName\":\"n1\"}", "[]", true},
        {"{\"nodeName\":\"n2\"}", "[]", false},
        {"{\"nodeSelector\":{\"disk\":\"ssd\"}}", "[]", true},
        {"{\"nodeSelector\":{\"disk\":\"ssd\",\"x\":\"y\"}}", "[]", false},
        {EXPRESSION("{\"key\":\"disk\",\"operator\":\"In\",\"values\":[\"hdd\",\"ssd\"]}"), "[]",
         true},
        {EXPRESSION("{\"key\":\"disk\",\"operator\":\"NotIn\",\"values\":[\"ssd\"]}"), "[]", false},
        {EXPRESSION("{\"key\":\"none\",\"operator\":\"NotIn\",\"values\":[\"ssd\"]}"), "[]", true},
        {EXPRESSION("{\"key\":\"disk\",\"operator\":\"Exists\"}"), "[]", true},
        {EXPRESSION("{\"key\":\"disk\",\"operator\":\"DoesNotExist\"}"), "[]", false},
        {EXPRESSION("{\"key\":\"cores\",\"operator\":\"Gt\",\"values\":[\"7\"]}"), "[]", true},
        {EXPRESSION("{\"key\":\"cores\",\"operator\":\"Lt\",\"values\":[\"8\"]}"), "[]", false},
        {EXPRESSION("{\"key\":\"disk\",\"operator\":\"Gt\",\"values\":[\"7\"]}"), "[]", false},
        {EXPRESSION("{\"key\":\"disk\",\"operator\":\"Exists\"},{\"key\":\"none\",\"operator\":"
                    "\"Exists\"}"),
         "[]", false},
        {AFFINITY("{\"matchExpressions\":[{\"key\":\"none\",\"operator\":\"Exists\"}]},{"
                  "\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":["
                  "\"n1\"]}]}"),
         "[]", true},
        {AFFINITY("{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"NotIn\",\"values\":["
                  "\"n1\"]}]}"),
         "[]", false},
        {AFFINITY("{}"), "[]", false},
        {"{}", "[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]", false},
        {"{}", "[{\"key\":\"k\",\"effect\":\"PreferNoSchedule\"}]", true},
        {"{}", "[{\"key\":\"node.kubernetes.io/unschedulable\",\"effect\":\"NoSchedule\"}]", true},
        {"{}", "[{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoExecute\"}]", true},
        {"{}", "[{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoSchedule\"}]", false},
        {"{}", "[{\"key\":\"node.kubernetes.io/network-unavailable\",\"effect\":\"NoSchedule\"}]",
         false},
        {"{\"hostNetwork\":true}",
         "[{\"key\":\"node.kubernetes.io/network-unavailable\",\"effect\":\"NoSchedule\"}]", true},
        {"{\"tolerations\":[{\"operator\":\"Exists\"}]}",
         "[{\"key\":\"k\",\"effect\":\"NoExecute\"}]", true},
        {"{\"tolerations\":[{\"key\":\"k\",\"value\":\"v\"}]}",
         "[{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoExecute\"}]", true},
        {"{\"tolerations\":[{\"key\":\"k\",\"value\":\"w\"}]}",
         "[{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoExecute\"}]", false},
        {"{\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}]}",
         "[{\"key\":\"k\",\"effect\":\"NoExecute\"}]", false},
    };
    for (size_t i = 0; i < MOON_ARRAY_SIZE(cases); i++) {
        struct court c;
        char body[1024];
        open_court(&c);
        play(&c, "set");
        snprintf(body, sizeof(body),
                 "{\"metadata\":{\"name\":\"n1\",\"labels\":{\"disk\":\"ssd\",\"cores\":\"8\"}},"
                 "\"spec\":{\"taints\":%s}}",
                 cases[i].taints);
        must(&c, "POST", NODES, JSON, body);
        snprintf(body, sizeof(body), "{\"spec\":{\"template\":{\"spec\":%s}}}", cases[i].spec);
        must(&c, "PATCH", SETS "/d", MERGE, body);
        revise(&c, "r", 1);
        if (desired_of(&c) != (cases[i].fits ? 1 : 0)) {
            fail_msg("%s on %s: %s", cases[i].spec, cases[i].taints,
                     cases[i].fits ? "fits" : "does not fit");
        }
        close_court(&c);
    }
}

/* ---- settled ---- */

static void write_status(struct court *c, int desired, int current, int ready, int updated,
                         int misscheduled)
{
    char body[400];
    play(c, "change observed");
    snprintf(body, sizeof(body),
             "{\"status\":{\"desiredNumberScheduled\":%d,\"currentNumberScheduled\":%d,"
             "\"numberReady\":%d,\"numberAvailable\":%d,\"updatedNumberScheduled\":%d,"
             "\"numberMisscheduled\":%d,\"numberUnavailable\":%d}}",
             desired, current, ready, ready, updated, misscheduled, desired - ready);
    must(c, "PATCH", SETS "/d/status", MERGE, body);
}

static void expect_why(struct court *c, const char *wanted)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf why = MOON_BUF_INIT(4096);
    bool settled = moon_judge_is_settled(c->judge, &why);
    assert_int_equal(settled, wanted == NULL);
    assert_int_equal(moon_judge_is_settled(c->judge, NULL), settled);
    if (wanted != NULL && strstr(moon_buf_cstr(&why), wanted) == NULL) {
        fail_msg("\"%s\" instead of \"%s\"", moon_buf_cstr(&why), wanted);
    }
}

static void test_settled(void **state)
{
    (void)state;
    struct court c;
    open_court(&c);
    expect_why(&c, NULL);
    play(&c, "node n1; node n2; set");
    expect_why(&c, "set default/d: no newest revision holds its template");
    revise(&c, "h1", 1);
    expect_why(&c, "node n1: no pod");
    play(&c, "make n1 a; make n2 b; ready a");
    expect_why(&c, "node n2: pod b is not ready");
    play(&c, "ready b");
    expect_why(&c, "status.observedGeneration is 0, not 1");
    write_status(&c, 2, 2, 1, 2, 0);
    expect_why(&c, "status.numberReady is 1, not 2");
    write_status(&c, 2, 2, 2, 2, 0);
    expect_why(&c, NULL);
    play(&c, "other-makes n1 x");
    expect_why(&c, "node n1: 2 pods");
    play(&c, "other-deletes a");
    play(&c, "end x");
    expect_why(&c, "node n1: pod a is being deleted");
    play(&c, "end a; make n1 a; ready a");
    expect_why(&c, NULL);
    play(&c, "taint n1 NoSchedule"); /* it may stay */
    expect_why(&c, "status.desiredNumberScheduled is 2, not 1");
    write_status(&c, 1, 1, 1, 1, 1);
    expect_why(&c, NULL);
    play(&c, "taint n1 NoExecute");
    expect_why(&c, "node n1: pod a where none may be");
    play(&c, "untaint n1; change image");
    expect_why(&c, "no newest revision holds its template");
    revise(&c, "h2", 2);
    expect_why(&c, "node n1: pod a is not of the newest template");
    play(&c, "change on-delete");
    write_status(&c, 2, 2, 2, 0, 0);
    expect_why(&c, NULL);
    play(&c, "free-set");
    expect_why(&c, NULL); /* the pods belong to nobody */
    close_court(&c);
}

static void test_settled_with_a_policy(void **state)
{
    (void)state;
    struct court c;
    open_court(&c);
    play(&c, "node n1; node n2; set; change policy");
    revise(&c, "h1", 1);
    play(&c, "make n1 a; ready a");
    write_status(&c, 1, 1, 1, 1, 0);
    expect_why(&c, NULL); /* it wants none on n2 */
    play(&c, "unready a");
    expect_why(&c, "node n1: pod a is not ready");
    close_court(&c);
}

/* Two stories with other names, times and detours, one end. */
static void test_end_states(void **state)
{
    (void)state;
    static const char *const middles[] = {
        "make n1 a; make n2 b; ready a; ready b",
        "wait 10s; make n2 x; ready x; make n1 y; other-deletes y; end y; make n1 z; ready z",
    };
    char *ends[2] = {NULL, NULL};
    for (size_t i = 0; i < 2; i++) {
        struct court c;
        struct moon_buf end = MOON_BUF_INIT(1 << 20);
        open_court(&c);
        play(&c, "node n1; node n2; set");
        revise(&c, "h1", 1);
        play(&c, middles[i]);
        write_status(&c, 2, 2, 2, 2, 0);
        moon_judge_end_state(c.judge, &end);
        ends[i] = moon_buf_take(&end, NULL);
        close_court(&c);
    }
    assert_string_equal(ends[0], ends[1]);
    assert_string_equal(
        ends[0],
        "set default/d\n"
        "  desiredNumberScheduled=2 currentNumberScheduled=2 numberReady=2 "
        "updatedNumberScheduled=2 numberAvailable=2 numberUnavailable=0 numberMisscheduled=0\n"
        "  revisions: 1, newest 1\n"
        "  n1: revision 1, i, ready\n"
        "  n2: revision 1, i, ready\n");
    moon_free(ends[0]);
    moon_free(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_verdicts_are_readable),
        cmocka_unit_test(test_nodes_that_fit),
        cmocka_unit_test(test_settled),
        cmocka_unit_test(test_settled_with_a_policy),
        cmocka_unit_test(test_end_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
