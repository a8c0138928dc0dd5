/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "world.h"

static int set_up(void **state)
{
    struct world *w = moon_new(struct world);

    world_init(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world_fini(*state);
    moon_free(*state);
    return 0;
}

enum {
    MAX_ARGS = 32
};

/* NULL-terminated; main() gets its arguments writable, nobody writes them. */
static int parse(struct moon_config *c, const char *const *args, bool *ret_help,
                 struct moon_err *err)
{
    char *argv[MAX_ARGS];
    int argc = 0;

    for (; args[argc] != NULL; argc++) {
        assert_true(argc < MAX_ARGS);
        argv[argc] = (char *)(uintptr_t)args[argc];
    }
    return moon_config_parse_args(c, argc, argv, ret_help, err);
}
#define PARSE(config, ret_help, err, ...)                                                          \
    parse((config), (const char *const[]){"run", __VA_ARGS__, NULL}, (ret_help), (err))

static void defaults(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    struct moon_err err;

    (void)state;
    assert_null(c->kubeconfig);
    assert_null(c->policy_dirs);
    assert_null(c->namespace);
    assert_true(c->leader_elect);
    assert_true(c->policy_cache);
    assert_false(c->dry_run);
    assert_int_equal(c->mode, MOON_MODE_REPLACE);
    assert_int_equal(c->log_level, MOON_LOG_INFO);
    assert_int_equal(c->max_in_flight, 64);
    assert_int_equal(c->batch_ms, 50);
    assert_int_equal(c->orphan_interval_ms, 5 * 60 * 1000);
    assert_string_equal(c->lease_namespace, "kube-system");
    assert_string_equal(c->listen, "127.0.0.1:8090");
    assert_int_equal(moon_config_check(c, &err), 0);
}

static void arguments(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    struct moon_err err;
    bool help = false;

    (void)state;
    assert_int_equal(PARSE(c, &help, &err, "--namespace", "prod", "--leader-elect=false", "--http1",
                           "--policy-dir", "a", "--policy-dir=b", "--max-in-flight=8",
                           "--policy-budget-scale", "2.5", "--orphan-interval=90s", "--placement",
                           "direct", "--log-level=debug", "--listen=", "--policy-cache=off",
                           "--batch-period=0s"),
                     0);
    assert_false(help);
    assert_string_equal(c->namespace, "prod");
    assert_false(c->leader_elect);
    assert_false(c->policy_cache);
    assert_true(c->http1);
    assert_string_equal(c->policy_dirs[0], "a");
    assert_string_equal(c->policy_dirs[1], "b");
    assert_null(c->policy_dirs[2]);
    assert_int_equal(c->max_in_flight, 8);
    assert_true(c->policy_budget_scale == 2.5);
    assert_int_equal(c->orphan_interval_ms, 90000);
    assert_int_equal(c->batch_ms, 0);
    assert_int_equal(c->placement, MOON_PLACE_DIRECT);
    assert_int_equal(c->log_level, MOON_LOG_DEBUG);
    assert_string_equal(c->listen, "");
    /* An empty text takes back what has no default. */
    assert_int_equal(PARSE(c, &help, &err, "--namespace="), 0);
    assert_null(c->namespace);
}

static void help_wins(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    MOON_CLEANUP(moon_buf_fini) struct moon_buf text = MOON_BUF_INIT(65536);
    struct moon_err err;
    bool help = false;

    (void)state;
    assert_int_equal(PARSE(c, &help, &err, "--http1", "-h", "--no-such-flag"), 0);
    assert_true(help);
    moon_config_help(&text);
    assert_non_null(strstr(moon_buf_cstr(&text), "--config FILE"));
    assert_non_null(strstr(moon_buf_cstr(&text), "--lease-name NAME"));
    assert_non_null(strstr(moon_buf_cstr(&text), "(default 127.0.0.1:8090)"));
}

static void wrong_arguments(void **state)
{
    static const struct {
        const char *args[4];
        const char *text;
    } rows[] = {
        {{"run", "pods"}, "unexpected argument \"pods\""},
        {{"run", "-v"}, "unexpected argument \"-v\""},
        {{"run", "--"}, "unexpected argument \"--\""},
        {{"run", "--polcy-dir=x"}, "unknown flag --polcy-dir (see --help)"},
        {{"run", "--policy-dir"}, "--policy-dir needs a value"},
        {{"run", "--config"}, "--config needs a value"},
        {{"run", "--http1=maybe"}, "--http1: \"maybe\" is neither true nor false"},
        {{"run", "--mode=replica"}, "--mode: \"replica\" is none of replace, own, steer"},
        {{"run", "--max-in-flight", "0"}, "--max-in-flight: \"0\" is not a number from 1 to 10000"},
        {{"run", "--max-in-flight=10001"},
         "--max-in-flight: \"10001\" is not a number from 1 to 10000"},
        {{"run", "--max-in-flight= 5"}, "--max-in-flight: \" 5\" is not a number from 1 to 10000"},
        {{"run", "--policy-budget-scale=0"},
         "--policy-budget-scale: \"0\" is not a number from 0.1 to 1000"},
        {{"run", "--policy-budget-scale=nan"},
         "--policy-budget-scale: \"nan\" is not a number from 0.1 to 1000"},
        {{"run", "--orphan-interval=5"},
         "--orphan-interval: \"5\" is not a duration from 1s to 30d, such as 90s or 5m"},
        {{"run", "--batch-period=1001ms"},
         "--batch-period: \"1001ms\" is not a duration from 0s to 1s, such as 50ms"},
        {{"run", "--orphan-interval=40d"},
         "--orphan-interval: \"40d\" is not a duration from 1s to 30d, such as 90s or 5m"},
        {{"run", "--config=/no/such/file"}, "--config: read /no/such/file: no such file"},
    };

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
        struct moon_err err = {0};
        bool help = false;
        assert_int_not_equal(parse(c, rows[i].args, &help, &err), 0);
        assert_string_equal(err.text, rows[i].text);
    }
}

static void the_guard(void **state)
{
    static const struct {
        const char *text;
        double share;
        int64_t nodes;
    } rows[] = {
        {"1%,5", 0.01, 5}, {"5,1%", 0.01, 5}, {"2.5%", 0.025, 0},
        {"0", 0, 0},       {"100%", 1, 0},    {"off", 0, INT64_MAX},
    };
    static const char *const wrong[] = {"", "lots", "1%,", "5,x", "-1", "101%", "%", "off,5"};
    struct moon_guard guard;
    struct moon_err err;

    (void)state;
    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        assert_int_equal(moon_config_guard(rows[i].text, &guard, &err), 0);
        assert_true(guard.share > rows[i].share - 1e-9 && guard.share < rows[i].share + 1e-9);
        assert_int_equal(guard.nodes, rows[i].nodes);
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(wrong); i++) {
        assert_int_equal(moon_config_guard(wrong[i], &guard, &err), -MOON_E_INVALID);
        assert_non_null(strstr(err.text, "--policy-guard: "));
    }
}

static void file(void **state)
{
    const struct world *w = *state;
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    MOON_AUTOFREE char *path = world_file(w, "moonset.yaml",
                                          "# comment\n"
                                          "namespace: prod\n"
                                          "policy-dir: [a, b]\n"
                                          "plugin-dir: c\n"
                                          "leader-elect: no\n"
                                          "policy-cache: off\n"
                                          "max-in-flight: 16\n"
                                          "policy-budget-scale: 0.5\n"
                                          "lease-name: from-file\n");
    MOON_AUTOFREE char *flag = moon_asprintf("--config=%s", path);
    struct moon_err err;
    bool help = false;

    /* The command line wins, wherever --config stands, and also when it was read before. */
    assert_int_equal(PARSE(c, &help, &err, "--policy-dir", "mine"), 0);
    assert_int_equal(PARSE(c, &help, &err, flag, "--lease-name", "from-args"), 0);
    assert_string_equal(c->namespace, "prod");
    assert_string_equal(c->policy_dirs[0], "mine");
    assert_null(c->policy_dirs[1]);
    assert_string_equal(c->plugin_dirs[0], "c");
    assert_false(c->leader_elect);
    assert_false(c->policy_cache);
    assert_int_equal(c->max_in_flight, 16);
    assert_true(c->policy_budget_scale == 0.5);
    assert_string_equal(c->lease_name, "from-args");
}

static void empty_file(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    MOON_AUTOFREE char *path = world_file(*state, "empty.yaml", "# nothing yet\n");
    struct moon_err err;

    assert_int_equal(moon_config_read(c, path, &err), 0);
}

static void wrong_files(void **state)
{
    static const struct {
        const char *yaml;
        const char *text; /* after the path */
    } rows[] = {
        {"listen: ':1'\npolcy-dir: x\n", ":2: polcy-dir: there is no such setting"},
        {"{\"polcy-dir\": \"x\"}", ": polcy-dir: there is no such setting"},
        {"namespace:\n\tname: x\n", ":2:1: "},
        {"namespace: a\nlisten: ':1'\nnamespace: b\n", ":3:1: "},
        {"namespace: on\n",
         ":1: namespace: must be a text (in quotes if it looks like a number or like true or "
         "false)"},
        {"lease-name: 007\n",
         ":1: lease-name: must be a text (in quotes if it looks like a number or like true or "
         "false)"},
        {"namespace: {a: b}\n", ":1: namespace: must be a text"},
        {"http1: [true]\n", ":1: http1: must be a single value"},
        {"http1:\n", ":1: http1: must be a single value"},
        {"http1: 2\n", ":1: http1: \"2\" is neither true nor false"},
        {"policy-dir: [a, 1]\n", ":1: policy-dir: must be a text or a list of texts"},
        {"policy-dir: {a: 1}\n", ":1: policy-dir: must be a text or a list of texts"},
        {"max-in-flight: 1.5\n", ":1: max-in-flight: \"1.5\" is not a number from 1 to 10000"},
        {"- a\n", ": must be a map of settings"},
        {"a: b\n---\nc: d\n", ""},
        {"a: [\n", ":"},
    };

    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
        MOON_AUTOFREE char *path = world_file(*state, "wrong.yaml", rows[i].yaml);
        MOON_AUTOFREE char *text = moon_asprintf("%s%s", path, rows[i].text);
        struct moon_err err = {0};
        assert_int_not_equal(moon_config_read(c, path, &err), 0);
        assert_memory_equal(err.text, text, strlen(text));
    }
}

static void unreadable_files(void **state)
{
    const struct world *w = *state;
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    MOON_CLEANUP(moon_buf_fini) struct moon_buf large = MOON_BUF_INIT(1 << 20);
    struct moon_err err = {0};

    assert_int_not_equal(moon_config_read(c, w->folder, &err), 0);
    assert_non_null(strstr(err.text, "it is a directory"));
    while (large.len < 300 * 1024) {
        moon_buf_puts(&large, "# many a comment\n");
    }
    MOON_AUTOFREE char *path = world_file(w, "large.yaml", moon_buf_cstr(&large));
    assert_int_equal(moon_config_read(c, path, &err), -MOON_E_LIMIT);
    assert_non_null(strstr(err.text, "large.yaml is larger than"));
}

static void together(void **state)
{
    const struct world *w = *state;
    MOON_AUTOFREE char *plain = world_file(w, "plain", "x");
    MOON_AUTOFREE char *none = world_path(w, "none");
    const struct {
        const char *name;
        const char *value;
        const char *text; /* NULL: fine */
    } rows[] = {
        {"policy-dir", w->folder, NULL},
        {"state-dir", w->folder, NULL},
        {"policy-dir", none, "No such file or directory"},
        {"plugin-dir", none, "No such file or directory"},
        {"state-dir", none, "No such file or directory"},
        {"policy-dir", plain, "is not a folder"},
        {"mode", "own", "--mode own is not there yet; use replace"},
        {"namespace", "Prod", "--namespace: \"Prod\" is not a name"},
        {"lease-name", "", "--lease-name: \"\" is not a name"},
        {"lease-namespace", "a.b", "--lease-namespace: \"a.b\" is not a name"},
    };

    for (size_t i = 0; i < MOON_ARRAY_SIZE(rows); i++) {
        MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
        struct moon_err err = {0};
        assert_int_equal(moon_config_set(c, rows[i].name, rows[i].value, "test", &err), 0);
        int rc = moon_config_check(c, &err);
        if (rows[i].text == NULL) {
            assert_int_equal(rc, 0);
        } else {
            assert_int_not_equal(rc, 0);
            assert_non_null(strstr(err.text, rows[i].text));
            assert_non_null(strstr(err.text, rows[i].name));
        }
    }
}

static void by_name(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    struct moon_err err;

    (void)state;
    assert_int_equal(moon_config_set(c, "listen", ":1", "test", &err), 0);
    assert_string_equal(c->listen, ":1");
    assert_int_not_equal(moon_config_set(c, "lissen", ":1", "test", &err), 0);
    assert_string_equal(err.text, "test: there is no setting \"lissen\"");
}

/* As parse, but what is left comes back in `left`, separated by spaces. */
static int take(struct moon_config *c, const char *const *args, struct moon_buf *left,
                bool *ret_help, struct moon_err *err)
{
    char *argv[MAX_ARGS];
    int argc = 0;

    for (; args[argc] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)args[argc];
    }
    int rc = moon_config_take_args(c, &argc, argv, ret_help, err);
    moon_buf_clear(left);
    for (int i = 1; rc == 0 && i < argc; i++) {
        moon_buf_printf(left, "%s%s", i > 1 ? " " : "", argv[i]);
    }
    return rc;
}
#define TAKE(config, left, ret_help, err, ...)                                                     \
    take((config), (const char *const[]){"plan", __VA_ARGS__, NULL}, (left), (ret_help), (err))

static void words_of_others_are_left(void **state)
{
    MOON_CLEANUP(moon_config_free_ptr) struct moon_config *c = moon_config_new();
    struct moon_err err;
    MOON_CLEANUP(moon_buf_fini) struct moon_buf left = MOON_BUF_INIT(1000);
    bool help = false;

    (void)state;
    assert_int_equal(TAKE(c, &left, &help, &err, "--policy-dir", "a", "-o", "json", "ns/agent",
                          "--unheard", "--http1", "x/y", "--listen=", "--"),
                     0);
    assert_string_equal(moon_buf_cstr(&left), "-o json ns/agent --unheard x/y --");
    assert_string_equal(c->policy_dirs[0], "a");
    assert_true(c->http1);
    assert_string_equal(c->listen, "");
    assert_false(help);
    assert_int_equal(TAKE(c, &left, &help, &err, "x/y", "--max-in-flight", "none"),
                     -MOON_E_INVALID);
    assert_int_equal(TAKE(c, &left, &help, &err, "x/y", "-h"), 0);
    assert_true(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(arguments),
        cmocka_unit_test(help_wins),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(the_guard),
        cmocka_unit_test_setup_teardown(file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreadable_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(together, set_up, tear_down),
        cmocka_unit_test(by_name),
        cmocka_unit_test(words_of_others_are_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
