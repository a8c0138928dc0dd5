/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_line.c - a fault as a person writes it on a command line.
 */
#include "sim/api_priv.h"

static void set_word(const char **ret, char *word)
{
    *ret = moon_streq(word, "*") ? NULL : word;
}

/* A name of a fault, or a code that stands for it. */
static int read_fault(struct moon_sim_fault_rule *rule, const char *word, struct moon_err *err)
{
    int64_t code = 0;
    if (moon_parse_i64(moon_str(word), &code) && code > 0 && code < 1000) {
        rule->fault = MOON_SIM_FAULT_STATUS;
        rule->code = (int)code;
        return 0;
    }
    if (moon_sim_fault_parse(word, &rule->fault)) {
        return 0;
    }
    MOON_CLEANUP(moon_buf_fini) struct moon_buf known = MOON_BUF_INIT(1024);
    for (size_t i = 0; i < MOON_SIM_FAULTS; i++) {
        moon_buf_printf(&known, " %s", moon_sim_fault_name((enum moon_sim_fault)i));
    }
    return moon_err_set(err, MOON_E_INVALID,
                        "there is no fault \"%s\" (known:%s, or a status code)", word,
                        moon_buf_cstr(&known));
}

static bool read_number(const char *value, uint64_t *ret)
{
    return moon_parse_u64(moon_str(value), ret);
}

static bool read_times(const char *value, uint64_t *ret)
{
    if (moon_streq(value, "all")) {
        *ret = UINT64_MAX;
        return true;
    }
    return read_number(value, ret) && *ret > 0;
}

static bool read_time(const char *value, uint64_t *ret)
{
    return moon_parse_duration_ms(moon_str(value), ret);
}

static bool read_seconds(const char *value, uint64_t *ret)
{
    uint64_t ms = 0;
    if (read_number(value, ret)) {
        return true;
    }
    *ret = read_time(value, &ms) ? (ms + 999) / 1000 : 0;
    return *ret > 0;
}

static bool read_text_option(struct moon_sim_fault_rule *rule, const char *key, char *value)
{
    if (moon_streq(key, "client")) {
        rule->client = moon_streq(value, "any") ? NULL : value;
        rule->not_client = NULL;
    } else if (moon_streq(key, "namespace")) {
        rule->ns = value;
    } else if (moon_streq(key, "name")) {
        rule->name = value;
    } else {
        return false;
    }
    return true;
}

static int read_option(struct moon_sim_fault_rule *rule, char *word, struct moon_err *err)
{
    char *value = strchr(word, '=');
    uint64_t code = 0;
    const struct {
        const char *key;
        bool (*read)(const char *value, uint64_t *ret);
        uint64_t *to;
    } numbers[] = {
        {"first", read_number, &rule->first},  {"times", read_times, &rule->times},
        {"code", read_number, &code},          {"retry-after", read_seconds, &rule->retry_after_s},
        {"delay", read_time, &rule->delay_ms}, {"lines", read_number, &rule->lines},
    };
    if (value == NULL || value[1] == '\0') {
        return moon_err_set(err, MOON_E_INVALID, "\"%s\" is not key=value", word);
    }
    *value++ = '\0';
    if (read_text_option(rule, word, value)) {
        return 0;
    }
    for (size_t i = 0; i < MOON_ARRAY_SIZE(numbers); i++) {
        if (!moon_streq(word, numbers[i].key)) {
            continue;
        }
        if (!numbers[i].read(value, numbers[i].to)) {
            return moon_err_set(err, MOON_E_INVALID, "\"%s\" is no value for %s", value, word);
        }
        rule->code = code > 0 && code < 1000 ? (int)code : rule->code;
        return 0;
    }
    return moon_err_set(err, MOON_E_INVALID,
                        "there is no \"%s\" of a fault (client, namespace, name, first, times, "
                        "code, retry-after, delay, lines)",
                        word);
}

/* Cut the next word off in place; NULL at the end. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    size_t len = strcspn(word, " \t");
    if (len == 0) {
        return NULL;
    }
    *rest = word + len + (word[len] != '\0' ? 1 : 0);
    word[len] = '\0';
    return word;
}

static int read_line(struct moon_sim_fault_line *line, struct moon_err *err)
{
    struct moon_sim_fault_rule *rule = &line->rule;
    char *rest = line->text;
    char *verb = next_word(&rest);
    char *resource = next_word(&rest);
    char *fault = next_word(&rest);
    if (fault == NULL) {
        return moon_err_set(err, MOON_E_INVALID, "want VERB RESOURCE FAULT [key=value…]");
    }
    set_word(&rule->verb, verb);
    set_word(&rule->resource, resource);
    int rc = read_fault(rule, fault, err);
    for (char *word = NULL; rc == 0 && (word = next_word(&rest)) != NULL;) {
        rc = read_option(rule, word, err);
    }
    return rc == 0 ? moon_sim_fault_check(rule, err) : rc;
}

int moon_sim_fault_line_parse(const char *text, struct moon_sim_fault_line *ret,
                              struct moon_err *err)
{
    struct moon_sim_fault_line line = {.text = moon_strdup(text)};
    line.rule.not_client = "moonset-sim/";
    int rc = read_line(&line, err);
    if (rc != 0) {
        moon_sim_fault_line_fini(&line);
        return rc;
    }
    *ret = line;
    return 0;
}

void moon_sim_fault_line_fini(struct moon_sim_fault_line *line)
{
    moon_free(line->text);
    *line = (struct moon_sim_fault_line){.text = NULL};
}
