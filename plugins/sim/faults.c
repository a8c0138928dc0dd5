/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.c - the rules: which calls are spoilt, and how. arrivals.c and watchers.c do it.
 */
#include "sim/faults.h"

#include "sim/api_priv.h"

enum {
    RULES_MAX = 10000
};

static const char *const names[MOON_SIM_FAULTS] = {
    [MOON_SIM_FAULT_CUT_BEFORE] = "cut-before",
    [MOON_SIM_FAULT_CUT_MIDDLE] = "cut-middle",
    [MOON_SIM_FAULT_CUT_AFTER] = "cut-after",
    [MOON_SIM_FAULT_DELAY] = "delay",
    [MOON_SIM_FAULT_HOLD] = "hold",
    [MOON_SIM_FAULT_STATUS] = "status",
    [MOON_SIM_FAULT_TIMEOUT] = "timeout",
    [MOON_SIM_FAULT_HALF_LINE] = "half-line",
    [MOON_SIM_FAULT_SILENT] = "silent",
    [MOON_SIM_FAULT_REPEAT] = "repeat",
    [MOON_SIM_FAULT_CUT_WATCH] = "cut-watch",
    [MOON_SIM_FAULT_GONE] = "gone",
    [MOON_SIM_FAULT_GARBAGE] = "garbage",
    [MOON_SIM_FAULT_RESTART] = "restart",
};

struct rule {
    struct moon_list link; /* oldest first */
    char *client;
    char *not_client;
    char *verb;
    char *resource;
    char *ns;
    char *name;
    uint64_t number;
    uint64_t seen;  /* matching calls so far */
    uint64_t first; /* of the matching calls, from 1… */
    uint64_t last;  /* …to this one */
    struct moon_sim_spoil spoil;
};

struct moon_sim_faults {
    struct moon_list rules;
    size_t count;
    uint64_t last_number;
    uint64_t struck;
};

const char *moon_sim_fault_name(enum moon_sim_fault fault)
{
    return names[fault];
}

bool moon_sim_fault_parse(const char *word, enum moon_sim_fault *ret)
{
    for (size_t i = 0; i < MOON_SIM_FAULTS; i++) {
        if (moon_streq(word, names[i])) {
            *ret = (enum moon_sim_fault)i;
            return true;
        }
    }
    return false;
}

bool moon_sim_fault_is_for_watches(enum moon_sim_fault fault)
{
    return fault >= MOON_SIM_FAULT_HALF_LINE && fault <= MOON_SIM_FAULT_GARBAGE;
}

/* ---- life ---- */

struct moon_sim_faults *moon_sim_faults_new(void)
{
    struct moon_sim_faults *faults = moon_new(struct moon_sim_faults);
    moon_list_init(&faults->rules);
    return faults;
}

static void rule_free(struct moon_sim_faults *faults, struct rule *rule)
{
    moon_list_remove(&rule->link);
    faults->count--;
    moon_free(rule->client);
    moon_free(rule->not_client);
    moon_free(rule->verb);
    moon_free(rule->resource);
    moon_free(rule->ns);
    moon_free(rule->name);
    moon_free(rule);
}

static void clear(struct moon_sim_faults *faults)
{
    moon_list_foreach (it, &faults->rules) {
        rule_free(faults, moon_container_of(it, struct rule, link));
    }
}

void moon_sim_faults_free(struct moon_sim_faults *faults)
{
    if (faults != NULL) {
        clear(faults);
        moon_free(faults);
    }
}

/* ---- taking a rule ---- */

static bool is_verb(const char *word)
{
    static const char *const verbs[] = {"get",    "list",  "watch",  "create",
                                        "update", "patch", "delete", "deletecollection"};
    for (size_t i = 0; i < MOON_ARRAY_SIZE(verbs); i++) {
        if (moon_streq(word, verbs[i])) {
            return true;
        }
    }
    return false;
}

int moon_sim_fault_check(const struct moon_sim_fault_rule *rule, struct moon_err *err)
{
    const char *fault = names[rule->fault];
    bool waits = rule->fault == MOON_SIM_FAULT_DELAY || rule->fault == MOON_SIM_FAULT_HOLD;
    if (rule->fault == MOON_SIM_FAULT_STATUS && !moon_sim_fault_has_words(rule->code)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "fault status: no answer is known for code %d (known: "
                            "401 403 404 409 410 422 429 500 503 504)",
                            rule->code);
    }
    if (rule->verb != NULL && !is_verb(rule->verb)) {
        return moon_err_set(err, MOON_E_INVALID,
                            "\"%s\" is no verb (get list watch create update patch delete "
                            "deletecollection)",
                            rule->verb);
    }
    if (moon_sim_fault_is_for_watches(rule->fault) && rule->verb != NULL &&
        !moon_streq(rule->verb, "watch")) {
        return moon_err_set(err, MOON_E_INVALID, "fault %s strikes watches, not \"%s\"", fault,
                            rule->verb);
    }
    if (waits && rule->delay_ms == 0) {
        return moon_err_set(err, MOON_E_INVALID, "fault %s needs a delay", fault);
    }
    return 0;
}

static uint64_t last_of(uint64_t first, uint64_t times)
{
    return times > UINT64_MAX - first ? UINT64_MAX : first + times - 1;
}

int moon_sim_api_add_fault(struct moon_sim_api *api, const struct moon_sim_fault_rule *rule,
                           uint64_t *ret_number, struct moon_err *err)
{
    struct moon_sim_faults *faults = api->faults;
    if (moon_sim_fault_check(rule, err) != 0) {
        return -(int)err->code;
    }
    if (faults->count >= RULES_MAX) {
        return moon_err_set(err, MOON_E_LIMIT, "there are %d faults already", (int)RULES_MAX);
    }
    struct rule *own = moon_new(struct rule);
    own->client = moon_strdup(rule->client);
    own->not_client = moon_strdup(rule->not_client);
    own->verb = moon_strdup(moon_sim_fault_is_for_watches(rule->fault) ? "watch" : rule->verb);
    own->resource = moon_strdup(rule->resource);
    own->ns = moon_strdup(rule->ns);
    own->name = moon_strdup(rule->name);
    own->first = rule->first != 0 ? rule->first : 1;
    own->last = last_of(own->first, rule->times != 0 ? rule->times : 1);
    own->spoil = (struct moon_sim_spoil){.is_set = true,
                                         .fault = rule->fault,
                                         .code = rule->code,
                                         .retry_after_s = rule->retry_after_s,
                                         .delay_ms = rule->delay_ms,
                                         .lines = rule->lines};
    own->number = ++faults->last_number;
    moon_list_append(&faults->rules, &own->link);
    faults->count++;
    if (ret_number != NULL) {
        *ret_number = own->number;
    }
    return 0;
}

void moon_sim_api_clear_faults(struct moon_sim_api *api)
{
    clear(api->faults);
}

uint64_t moon_sim_api_faults_struck(const struct moon_sim_api *api)
{
    return api->faults->struck;
}

/* ---- meeting a call ---- */

static bool fits(const char *wanted, const char *text)
{
    return wanted == NULL || moon_streq(wanted, text);
}

static bool matches(const struct rule *rule, const struct moon_sim_api_call *call)
{
    struct moon_str client = moon_str(call->client);
    return (rule->client == NULL || moon_str_starts(client, rule->client)) &&
           (rule->not_client == NULL || !moon_str_starts(client, rule->not_client)) &&
           fits(rule->verb, call->verb) && fits(rule->resource, call->resource) &&
           fits(rule->ns, call->ns) && fits(rule->name, call->name);
}

void moon_sim_faults_meet(struct moon_sim_faults *faults, const struct moon_sim_api_call *call,
                          struct moon_sim_spoil *ret)
{
    *ret = (struct moon_sim_spoil){.is_set = false};
    moon_list_foreach (it, &faults->rules) {
        struct rule *rule = moon_container_of(it, struct rule, link);
        if (!matches(rule, call)) {
            continue;
        }
        rule->seen++;
        if (!ret->is_set && rule->seen >= rule->first) {
            *ret = rule->spoil;
        }
        if (rule->seen >= rule->last) {
            rule_free(faults, rule);
        }
    }
    /* The answer to a watch is its stream. */
    if (ret->is_set && ret->fault == MOON_SIM_FAULT_CUT_MIDDLE && moon_streq(call->verb, "watch")) {
        ret->fault = MOON_SIM_FAULT_HALF_LINE;
    }
}

void moon_sim_faults_strike(struct moon_sim_faults *faults)
{
    faults->struck++;
}
