/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.c - what is wrong with the policies of a set, told once: an Event, a line in the log, and
 * the condition PolicyHealthy.
 *
 * A hook that fails is asked again within 30 s, so a minute without a failure means that it works.
 * Other policies, or other versions of them, begin with a clean sheet. Until something has failed
 * there is no condition, and it goes with the last policy that the set names.
 */
#include "daemonset/daemonset_priv.h"

#define HEALTHY "PolicyHealthy"

enum {
    QUIET_MS = 60000,
};

/* Never 0. */
static uint64_t now_ms(const struct moon_ds_set *set)
{
    return moon_loop_now(set->ds->in->loop) + 1;
}

void moon_ds_faults_forget(struct moon_ds_set *set)
{
    set->fault_at = 0;
    moon_free(set->fault);
    set->fault = NULL;
}

void moon_ds_faults_problem(struct moon_ds_set *set, const struct moon_err *err)
{
    const char *reason = err->code == MOON_E_NOT_FOUND ? "PolicyNotFound" : "PolicyInvalid";

    if (moon_streq(set->chain_problem, err->text)) {
        return;
    }
    moon_free(set->chain_problem);
    set->chain_problem = moon_strdup(err->text);
    if (err->code == MOON_E_POLICY) {
        return; /* held, and told */
    }
    moon_ds_faults_forget(set);
    moon_ds_condition_set(set, HEALTHY, false, reason, err->text);
    moon_recorder_event(set->ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING, reason,
                        "%s; the set is left as it is", err->text);
    moon_warn(MOON_DS_TOPIC, "policies cannot be used, set left as it is", "key", set->key, "err",
              err->text);
}

/* Of several failures that take turns the one that was told stays, while it goes on. */
static bool is_news(struct moon_ds_set *set, const char *text)
{
    uint64_t now = now_ms(set);
    bool same = moon_streq(set->fault, text);
    bool goes_on = set->fault != NULL && now - set->fault_told_at < QUIET_MS;

    set->fault_at = now;
    if (same) {
        set->fault_told_at = now;
    }
    return !same && !goes_on;
}

void moon_ds_faults_report(const struct moon_policy_report *report, void *ctx)
{
    const struct moon_ds *ds = ctx;
    struct moon_ds_set *set = moon_map_get(ds->by_key, moon_str(report->set));

    if (set == NULL) {
        return;
    }
    MOON_AUTOFREE char *text =
        moon_asprintf("policy %s@%s, hook %s, %s: %s", report->policy, report->version,
                      report->hook, moon_policy_fault_name(report->fault), report->text);
    if (!is_news(set, text)) {
        return;
    }
    moon_free(set->fault);
    set->fault = moon_steal(&text);
    set->fault_told_at = set->fault_at;
    moon_ds_condition_set(set, HEALTHY, false, "PolicyFailed", set->fault);
    moon_recorder_event(ds->in->recorder, &set->object->meta, MOON_EVENT_WARNING, "PolicyFailed",
                        "%s (%s); previous decisions stay", set->fault, report->object);
    moon_warn(MOON_DS_TOPIC, "policy failed, previous decisions stay", "key", set->key, "err",
              set->fault, "object", report->object);
}

void moon_ds_tell(bool is_warning, const char *reason, const char *message, void *ctx)
{
    const struct moon_ds_set *set = ctx;

    moon_recorder_event(set->ds->in->recorder, &set->object->meta,
                        is_warning ? MOON_EVENT_WARNING : MOON_EVENT_NORMAL, reason, "%s", message);
}

void moon_ds_faults_look(struct moon_ds_set *set, struct moon_plan *plan)
{
    uint64_t now = now_ms(set);

    if (set->chain_problem != NULL) {
        return;
    }
    if (set->fault_at > 0 && now - set->fault_at < QUIET_MS) {
        moon_plan_requeue(plan, set->fault_at + QUIET_MS - now);
        return;
    }
    moon_ds_faults_forget(set);
    if (!set->names_policies) {
        moon_ds_condition_clear(set, HEALTHY);
    } else if (moon_ds_condition_get(set, HEALTHY) == MOON_DS_SAID_FALSE) {
        moon_ds_condition_set(set, HEALTHY, true, "PoliciesWork", "");
    }
}
