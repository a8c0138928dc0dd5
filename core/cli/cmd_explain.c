/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_explain.c - `moonset explain`: why a set, or its daemon on one node, is as it is.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/planning.h"

/* The command line. */
struct request {
    const char *set;
    const char *node; /* NULL: the set as a whole */
    bool as_json;
    uint64_t timeout_ms;
};

/* ---- printing ---- */

static void print_value(const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        (void)printf("%lld\n", (long long)value->valuedouble);
    } else if (cJSON_IsBool(value)) {
        (void)printf("%s\n", cJSON_IsTrue(value) ? "yes" : "no");
    } else {
        (void)printf("%s\n", value->valuestring);
    }
}

/* Names to the left, values to the right, those of a list below each other. */
static void print_text(const cJSON *answer)
{
    int width = 0;
    const cJSON *member;
    const cJSON *item;

    cJSON_ArrayForEach (member, answer) {
        int len = (int)strlen(member->string);
        width = len > width ? len : width;
    }
    cJSON_ArrayForEach (member, answer) {
        const char *name = member->string;
        if (!cJSON_IsArray(member)) {
            (void)printf("%-*s  ", width, name);
            print_value(member);
            continue;
        }
        cJSON_ArrayForEach (item, member) {
            (void)printf("%-*s  ", width, name);
            print_value(item);
            name = "";
        }
    }
}

static void print_json(const cJSON *answer)
{
    char *text = cJSON_Print(answer);

    (void)puts(text);
    cJSON_free(text);
}

/* ---- explaining ---- */

/* What the next step does about it. */
static void add_next(const struct request *r, const struct moon_map *plans, cJSON *answer)
{
    const cJSON *plan = moon_map_get(plans, moon_str(r->set));
    cJSON *next = cJSON_AddArrayToObject(answer, "next step");
    const cJSON *action;

    cJSON_ArrayForEach (action, moon_json_member(plan, "actions")) {
        const char *node = moon_json_string(action, "node");
        if (r->node != NULL && !moon_streq(r->node, node)) {
            continue;
        }
        MOON_AUTOFREE char *object = moon_planning_object(action);
        MOON_AUTOFREE char *text = moon_asprintf(
            "%s %s%s%s: %s", moon_json_string(action, "verb"), object,
            node != NULL && r->node == NULL ? " on " : "",
            node != NULL && r->node == NULL ? node : "", moon_json_string(action, "reason"));
        (void)cJSON_AddItemToArray(next, cJSON_CreateString(text));
    }
    if (cJSON_GetArraySize(next) == 0) {
        (void)cJSON_AddItemToArray(next, cJSON_CreateString("nothing"));
    }
}

static int answer(const struct request *r, const struct moon_planning *p, struct moon_err *err)
{
    MOON_AUTOJSON *found = moon_manager_explain(p->manager, moon_str(r->set), r->node, err);

    if (found == NULL) {
        return -(int)err->code;
    }
    add_next(r, p->plans, found);
    if (r->as_json) {
        print_json(found);
    } else {
        print_text(found);
    }
    return 0;
}

static int explain(const struct request *r, const struct moon_config *config)
{
    struct moon_planning planning;
    struct moon_err err;

    int rc = moon_planning_run(&planning, config, r->timeout_ms, &err);
    if (rc == 0) {
        rc = answer(r, &planning, &err);
    }
    if (rc != 0) {
        moon_cli_complain("explain: %s", err.text);
    }
    moon_planning_fini(&planning);
    return rc == 0 ? MOON_EXIT_OK : MOON_EXIT_FAILED;
}

/* ---- command line ---- */

static void print_help(void)
{
    (void)fputs(
        "usage: moonset explain [FLAG…] NAMESPACE/NAME [NODE]\n\n"
        "Why a DaemonSet is as it is: its policies, what its budget is spent on, who is not\n"
        "available, which gate is closed. With a node: why there is a daemon or none, and why\n"
        "it is, or is not, updated now. It reads the cluster and the policies as `moonset run`\n"
        "does, with the same flags, and writes nothing.\n\n"
        "flags, beside those of `moonset run` that say where the cluster and the policies are:\n"
        "  -o text|json\n"
        "      how to print it (default text)\n"
        "  --timeout TIME\n"
        "      how long the API server may take (default " MOON_PLANNING_TIMEOUT ")\n\n"
        "Exit status: 0 done; 1 the cluster could not be read, or the set or node is not\n"
        "there; 2 wrong usage.\n",
        stdout);
}

/* What `moonset run` does not know. */
static int read_args(struct request *r, int argc, char **argv, struct moon_err *err)
{
    int rc = 0;

    for (int i = 1; rc == 0 && i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (moon_streq(argv[i], "-o")) {
            rc = moon_planning_output(next, "text", &r->as_json, err);
            i++;
        } else if (moon_streq(argv[i], "--timeout")) {
            rc = moon_planning_timeout(next, &r->timeout_ms, err);
            i++;
        } else if (argv[i][0] == '-') {
            rc = moon_err_set(err, MOON_E_INVALID, "unknown flag %s (see moonset explain --help)",
                              argv[i]);
        } else if (r->set == NULL) {
            r->set = argv[i];
        } else if (r->node == NULL) {
            r->node = argv[i];
        } else {
            rc = moon_err_set(err, MOON_E_INVALID, "unexpected argument \"%s\"", argv[i]);
        }
    }
    if (rc == 0 && (r->set == NULL || strchr(r->set, '/') == NULL)) {
        rc = moon_err_set(err, MOON_E_INVALID, "a set is wanted, NAMESPACE/NAME%s%s",
                          r->set != NULL ? ", not " : "", r->set != NULL ? r->set : "");
    }
    return rc;
}

int moon_cmd_explain(struct moon_cli *cli, int argc, char **argv)
{
    struct moon_config *config = cli->config;
    struct request r = {0};
    struct moon_err err;
    bool help = false;

    (void)moon_planning_timeout(MOON_PLANNING_TIMEOUT, &r.timeout_ms, &err);
    config->log_level = MOON_LOG_WARN; /* unless another is asked for */
    if (moon_config_take_args(config, &argc, argv, &help, &err) != 0 ||
        (!help && (read_args(&r, argc, argv, &err) != 0 || moon_config_check(config, &err) != 0))) {
        moon_cli_complain("explain: %s", err.text);
        return MOON_EXIT_USAGE;
    }
    if (help) {
        print_help();
        return MOON_EXIT_OK;
    }
    moon_log_setup(config->log_level, config->log_format, STDERR_FILENO);
    return explain(&r, config);
}
