/* SPDX-License-Identifier: Apache-2.0
 *
 * candidate.c - a text that is to become a version: loaded aside, once per content.
 */
#include <stdio.h>

#include "policy/policies_priv.h"
#include "policy/testing.h"

enum {
    TESTS_MAX_MS = 500,  /* of CPU, for all cases of a policy */
    TESTS_PATIENCE = 10, /* a busy machine fails no test */
};

static void load_failed(const struct moon_candidate *c, const struct moon_fault *fault)
{
    struct moon_policy_report report = {
        .fault = fault->kind,
        .policy = c->policy->name,
        .version = "",
        .hook = "",
        .object = "",
        .set = "",
        .text = fault->text,
        .traceback = fault->traceback,
        .cpu_us = fault->cpu_us,
        .peak_bytes = fault->peak_bytes,
    };

    moon_free(c->entry->error);
    c->entry->error = moon_strdup(fault->text);
    moon_policies_report(c->policies, &report);
}

static void quarantine_fault(const char *name, struct moon_fault *ret)
{
    *ret = (struct moon_fault){.kind = MOON_FAULT_LOAD};
    (void)snprintf(ret->text, sizeof(ret->text),
                   "%s.lua: this version could not be stopped and ended the process; change it, or "
                   "remove policy-watchdog from the state folder",
                   name);
}

/* A text that hung while it was loaded must not even be loaded. */
static bool is_quarantined(const struct moon_candidate *c)
{
    struct moon_digest *d = moon_digest_new();
    char digest[MOON_DIGEST_TEXT];

    moon_digest_add(d, (struct moon_str){c->file->text, c->file->len});
    moon_digest_take(d, digest);
    return strcmp(digest, c->policies->quarantined) == 0;
}

static struct moon_version *load(const struct moon_candidate *c, struct moon_fault *ret)
{
    struct moon_version_opts opts = {
        .name = c->policy->name,
        .source = {c->file->text, c->file->len},
        .modules = {moon_policies_find_module, c->modules},
        .budget_scale = c->policies->budget_scale,
    };

    if (c->file->text == NULL) {
        *ret = (struct moon_fault){.kind = MOON_FAULT_LOAD};
        (void)snprintf(ret->text, sizeof(ret->text), "%s", c->file->error);
        return NULL;
    }
    if (is_quarantined(c)) {
        quarantine_fault(c->policy->name, ret);
        return NULL;
    }
    struct moon_version *v = moon_version_load(&opts, ret);
    if (v != NULL && strcmp(v->digest, c->policies->quarantined) == 0) {
        moon_version_unref(v);
        quarantine_fault(c->policy->name, ret);
        return NULL;
    }
    return v;
}

/* Its own tests, before anybody decides by it. */
static int run_tests(const struct moon_candidate *c, const struct moon_version *v,
                     struct moon_fault *ret)
{
    MOON_AUTOFREE char *file = moon_asprintf("%s_test.yaml", c->policy->name);
    struct moon_policy_test_text text = {.policy = c->policy->name, .file = file};
    struct moon_policy_test_sums sums;
    struct moon_err err;

    if (c->tests == NULL || !c->policies->run_tests) {
        return 0;
    }
    *ret = (struct moon_fault){.kind = MOON_FAULT_LOAD};
    if (c->tests->text == NULL) {
        (void)snprintf(ret->text, sizeof(ret->text), "%s: %s", file, c->tests->error);
        return -1;
    }
    text.text = (struct moon_str){c->tests->text, c->tests->len};
    if (moon_policy_test_run(
            &(struct moon_policy_test_opts){
                .policies = c->policies,
                .candidate = v,
                .seed = 1,
                .max_ms = (uint64_t)(TESTS_MAX_MS * c->policies->budget_scale),
                .patience = TESTS_PATIENCE,
                .stop_at_first = true,
            },
            &text, 1, &sums, &err) != 0) {
        (void)snprintf(ret->text, sizeof(ret->text), "its tests fail: %.900s", err.text);
        return -1;
    }
    return 0;
}

static void add_file(struct moon_digest *d, const struct moon_source_file *f)
{
    moon_digest_add(d, (struct moon_str){"", 1});
    if (f != NULL) {
        moon_digest_add(d, (struct moon_str){f->text, f->text != NULL ? f->len : 0});
        moon_digest_add(d, moon_str(f->error));
    }
}

/* What decides whether a text has to be looked at again: itself, its tests and every module it
 * could use. */
static void digest_of_input(const struct moon_candidate *c, char out[MOON_DIGEST_TEXT])
{
    struct moon_digest *d = moon_digest_new();
    struct moon_str name;
    void *file;
    size_t pos = 0;

    add_file(d, c->file);
    add_file(d, c->tests);
    while (moon_map_next(c->modules, &pos, &name, &file)) {
        moon_digest_add(d, (struct moon_str){"", 1});
        moon_digest_add(d, name);
        add_file(d, file);
    }
    moon_digest_take(d, out);
}

void moon_candidate_load(const struct moon_candidate *c)
{
    struct moon_fault fault;
    char input[MOON_DIGEST_TEXT];

    digest_of_input(c, input);
    if (strcmp(input, c->entry->tried) == 0) {
        return;
    }
    memcpy(c->entry->tried, input, sizeof(c->entry->tried));
    moon_version_unref(c->entry->fresh); /* what is handed in may be of the same place */
    c->entry->fresh = load(c, &fault);
    if (c->entry->fresh == NULL) {
        load_failed(c, &fault);
    }
}

void moon_candidate_test(const struct moon_candidate *c)
{
    struct moon_policy_entry *e = c->entry;
    struct moon_fault fault;

    if (e->fresh == NULL) {
        return;
    }
    if (run_tests(c, e->fresh, &fault) != 0) {
        moon_version_unref(moon_steal(&e->fresh));
        load_failed(c, &fault);
        return;
    }
    moon_policy_retire(c->policy, e->version);
    e->version = moon_steal(&e->fresh);
    e->version->is_stock = c->is_stock;
    e->version->place = moon_strdup(e->place);
    moon_free(e->error);
    e->error = NULL;
}
