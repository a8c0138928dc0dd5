/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_policy_answer.c - policies that load, whose hooks do and return anything: the bytes choose
 * what. Where fuzz_policy looks for texts that compile, this one looks at answers.
 */
#include "base/buf.h"
#include "policy_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MAX_DEPTH = 4,
    MAX_SOURCE = 64 * 1024,
};

struct bytes {
    const uint8_t *next;
    size_t left;
};

static unsigned take(struct bytes *b)
{
    if (b->left == 0) {
        return 0;
    }
    b->left--;
    return *b->next++;
}

static const char *const values[] = {
    "nil",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "30",
    "0/0",
    "1/0",
    "1.5",
    "1e300",
    "math.maxinteger",
    "math.mininteger",
    "''",
    "'keep'",
    "'ready'",
    "'failed'",
    "'progressing'",
    "'why'",
    "'a\\0b'",
    "'\\xff\\xfe'",
    "('x'):rep(60000)",
    "{}",
    "A",
    "B",
    "A.name",
    "B.name",
    "B.labels",
    "B.tolerations",
    "B.tolerations[1]",
    "print",
    "select",
    "moonset",
    "pod",
    "node",
    "'Exists'",
    "'Equal'",
    "'NoExecute'",
    "'NoSchedule'",
    "moonset.quantity('1Gi')",
};
static const char *const keys[] = {
    "", "key = ", "operator = ", "value = ", "effect = ", "seconds = ", "[5] = ", "[A] = "};
static const char *const methods[] = {"replace", "delete", "surge",   "create",
                                      "again",   "pause",  "rollback"};
static const char *const walks[] = {"outdated", "updated", "failed", "missing", "deleting"};
static const char *const filters[] = {"",
                                      "available = true",
                                      "wanted = false",
                                      "zone = 'z1'",
                                      "limit = 3",
                                      "limit = -1",
                                      "order = { 'zone', 'age' }",
                                      "order = 'rank'",
                                      "selector = 'edge=true'",
                                      "selector = B.selector",
                                      "paired = true, ready = true",
                                      "nonsense = 1"};

#define CHOOSE(list, b) (list)[take(b) % MOON_ARRAY_SIZE(list)]

static void add_value(struct moon_buf *out, struct bytes *b, int depth)
{
    unsigned kind = take(b) % 8;

    if (kind > 1 || depth == MAX_DEPTH) {
        moon_buf_puts(out, CHOOSE(values, b));
        return;
    }
    moon_buf_puts(out, kind == 0 ? "{ " : "setmetatable({ ");
    for (unsigned n = take(b) % 5; n > 0; n--) {
        moon_buf_puts(out, CHOOSE(keys, b));
        add_value(out, b, depth + 1);
        moon_buf_puts(out, ", ");
    }
    moon_buf_puts(out, kind == 0 ? "}" : "}, { __index = function() return A end })");
}

static void add_values(struct moon_buf *out, struct bytes *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        moon_buf_puts(out, i > 0 ? ", " : "");
        add_value(out, b, 0);
    }
}

/* One thing done with a roll; `node` and `pod` are nil outside of a walk. */
static void add_action(struct moon_buf *out, struct bytes *b)
{
    unsigned kind = take(b);

    if (kind % 2 == 0) {
        moon_buf_printf(out, "    for pod in A:%s { %s } do\n      local node = pod.node\n  ",
                        walks[kind / 2 % 3], CHOOSE(filters, b));
    } else {
        moon_buf_printf(out, "    for node in A:%s { %s } do\n  ", walks[3 + kind / 2 % 2],
                        CHOOSE(filters, b));
    }
    moon_buf_printf(out, "    A:%s(%s", CHOOSE(methods, b), kind % 4 < 2 ? "pod, " : "node, ");
    add_values(out, b, 1 + take(b) % 2);
    moon_buf_puts(out, ")\n    end\n");
}

static void add_hook(struct moon_buf *out, struct bytes *b, const char *name, bool has_roll)
{
    moon_buf_printf(out, "  %s = function(A, B)\n    local pod, node\n", name);
    moon_buf_puts(out, "    B = B or A\n");
    for (unsigned n = has_roll ? take(b) % 4 : 0; n > 0; n--) {
        add_action(out, b);
    }
    moon_buf_puts(out, "    return ");
    add_values(out, b, 1 + take(b) % 3);
    moon_buf_puts(out, "\n  end,\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MOON_CLEANUP(moon_buf_fini) struct moon_buf out = MOON_BUF_INIT(MAX_SOURCE);
    struct bytes b = {data, size};

    moon_buf_puts(&out, "local print, pod, node = error, nil, nil\nreturn {\n  api = 1,\n");
    add_hook(&out, &b, "select", false);
    add_hook(&out, &b, "rank", false);
    add_hook(&out, &b, "tolerations", false);
    add_hook(&out, &b, "health", false);
    add_hook(&out, &b, "gate", true);
    add_hook(&out, &b, "update", true);
    moon_buf_puts(&out, "}\n");
    policy_calls(moon_buf_str(&out));
    return 0;
}
