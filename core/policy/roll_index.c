/* SPDX-License-Identifier: Apache-2.0
 *
 * roll_index.c - the states of a roll's slots as columns of bits.
 *
 * A walk wants the first hundred of the nodes that match, in order, of which there may be few among
 * very many; and a policy is asked each time a pod comes or goes. So whoever keeps the slots keeps
 * these columns beside them, and a walk goes through 64 slots with a handful of instructions.
 */
#include "policy/roll_priv.h"

enum column {
    COLUMN_NODE,
    COLUMN_WANTED,
    COLUMN_EXCESS,
    COLUMN_DELETING,
    COLUMN_OLD,
    COLUMN_NEW,
    COLUMN_OLD_AVAILABLE,
    COLUMN_NEW_AVAILABLE,
    COLUMN_OLD_READY,
    COLUMN_NEW_READY,
    COLUMN_FAILED,
    COLUMN_WAITING,
    COLUMN_CREATING,
    COLUMN_HELD,
    COLUMN_DRAIN,
    COLUMNS,
};
_Static_assert((int)COLUMNS <= (int)MOON_ROLL_COLUMNS, "each column has its place");

static void grow(struct moon_roll_index *x, size_t words)
{
    size_t wanted = x->words == 0 ? 16 : x->words;

    while (wanted < words) {
        wanted *= 2;
    }
    for (int c = 0; c < COLUMNS; c++) {
        x->columns[c] = moon_realloc_array(x->columns[c], wanted, sizeof(uint64_t));
        memset(&x->columns[c][x->words], 0, (wanted - x->words) * sizeof(uint64_t));
    }
    x->words = wanted;
}

void moon_roll_index_fini(struct moon_roll_index *x)
{
    for (int c = 0; c < COLUMNS; c++) {
        moon_free(x->columns[c]);
    }
    *x = (struct moon_roll_index){0};
}

void moon_roll_index_set(struct moon_roll_index *x, size_t i, const struct moon_roll_slot *s)
{
    size_t word = i / MOON_ROLL_WORD;
    uint64_t bit = UINT64_C(1) << i % MOON_ROLL_WORD;

    bool has[COLUMNS] = {
        [COLUMN_NODE] = s->node != NULL,
        [COLUMN_WANTED] = s->wanted,
        [COLUMN_EXCESS] = s->excess,
        [COLUMN_DELETING] = s->deleting,
        [COLUMN_OLD] = s->old_pod != NULL,
        [COLUMN_NEW] = s->new_pod != NULL,
        [COLUMN_OLD_AVAILABLE] = s->old_available,
        [COLUMN_NEW_AVAILABLE] = s->new_available,
        [COLUMN_OLD_READY] = s->old_pod != NULL && s->old_pod->ready,
        [COLUMN_NEW_READY] = s->new_pod != NULL && s->new_pod->ready,
        [COLUMN_FAILED] = moon_roll_has_failed(s->old_pod, s->old_health) ||
                          moon_roll_has_failed(s->new_pod, s->new_health),
        [COLUMN_WAITING] = s->waiting,
        [COLUMN_CREATING] = s->creating,
        [COLUMN_HELD] = s->held,
        [COLUMN_DRAIN] = s->drain != NULL,
    };
    if (word >= x->words) {
        grow(x, word + 1);
    }
    for (int c = 0; c < COLUMNS; c++) {
        uint64_t *at = &x->columns[c][word];
        *at = has[c] ? *at | bit : *at & ~bit;
    }
}

static void set_bit(uint64_t *column, size_t i, bool value)
{
    uint64_t bit = UINT64_C(1) << i % MOON_ROLL_WORD;
    uint64_t *at = &column[i / MOON_ROLL_WORD];

    *at = value ? *at | bit : *at & ~bit;
}

static bool get_bit(const uint64_t *column, size_t i)
{
    return (column[i / MOON_ROLL_WORD] >> i % MOON_ROLL_WORD & 1) != 0;
}

void moon_roll_index_move(struct moon_roll_index *x, size_t from, size_t to)
{
    for (int c = 0; c < COLUMNS; c++) {
        bool value = get_bit(x->columns[c], from);
        set_bit(x->columns[c], to, value);
        set_bit(x->columns[c], from, false);
    }
}

void moon_roll_index_set_waiting(struct moon_roll_index *x, size_t i, bool waiting)
{
    set_bit(x->columns[COLUMN_WAITING], i, waiting);
}

size_t moon_roll_words(const struct moon_roll *roll)
{
    return (roll->count + MOON_ROLL_WORD - 1) / MOON_ROLL_WORD;
}

static uint64_t in_state(const struct moon_roll_index *x, enum moon_roll_state state, size_t w)
{
    uint64_t const *const *c = (uint64_t const *const *)x->columns;

    switch (state) {
    case MOON_ROLL_OUTDATED:
        return c[COLUMN_OLD][w] & ~(c[COLUMN_EXCESS][w] | c[COLUMN_HELD][w]);
    case MOON_ROLL_UPDATED:
        return c[COLUMN_NEW][w] & ~c[COLUMN_EXCESS][w];
    case MOON_ROLL_FAILED:
        return c[COLUMN_FAILED][w];
    case MOON_ROLL_MISSING:
        return c[COLUMN_NODE][w] & c[COLUMN_WANTED][w] & ~(c[COLUMN_OLD][w] | c[COLUMN_NEW][w]);
    case MOON_ROLL_DELETING:
        return c[COLUMN_NODE][w] & c[COLUMN_DELETING][w];
    case MOON_ROLL_DRAINING:
        return c[COLUMN_NODE][w] & c[COLUMN_DRAIN][w];
    case MOON_ROLL_STATES:
        break;
    }
    return 0;
}

static uint64_t fitting(enum moon_roll_want want, uint64_t bits)
{
    if (want == MOON_ROLL_ANY) {
        return ~UINT64_C(0);
    }
    return want == MOON_ROLL_TRUE ? bits : ~bits;
}

uint64_t moon_roll_index_candidates(const struct moon_roll_index *x,
                                    const struct moon_roll_filter *f, size_t word)
{
    uint64_t const *const *c = (uint64_t const *const *)x->columns;
    uint64_t bits = in_state(x, f->state, word) & fitting(f->wanted, c[COLUMN_WANTED][word]) &
                    fitting(f->waiting, c[COLUMN_WAITING][word]) &
                    fitting(f->paired, c[COLUMN_OLD][word] & c[COLUMN_NEW][word]);

    /* Which pod a failed node is about is for the filter to say. */
    if (f->state == MOON_ROLL_OUTDATED) {
        bits &= fitting(f->available, c[COLUMN_OLD_AVAILABLE][word]) &
                fitting(f->ready, c[COLUMN_OLD_READY][word]);
    } else if (f->state == MOON_ROLL_UPDATED) {
        bits &= fitting(f->available, c[COLUMN_NEW_AVAILABLE][word]) &
                fitting(f->ready, c[COLUMN_NEW_READY][word]);
    }
    return bits;
}

static uint64_t tallied(const struct moon_roll_index *x, enum moon_roll_tally what, size_t w)
{
    uint64_t const *const *c = (uint64_t const *const *)x->columns;
    uint64_t wanted = c[COLUMN_WANTED][w];
    uint64_t has_pod = c[COLUMN_OLD][w] | c[COLUMN_NEW][w];

    switch (what) {
    case MOON_ROLL_TALLY_DESIRED:
        return wanted;
    case MOON_ROLL_TALLY_CURRENT:
        return wanted & (has_pod | c[COLUMN_DELETING][w]);
    case MOON_ROLL_TALLY_READY:
        return wanted & (c[COLUMN_OLD_READY][w] | c[COLUMN_NEW_READY][w]);
    case MOON_ROLL_TALLY_AVAILABLE:
        return wanted & (c[COLUMN_OLD_AVAILABLE][w] | c[COLUMN_NEW_AVAILABLE][w]);
    case MOON_ROLL_TALLY_UPDATED:
        return wanted & c[COLUMN_NEW][w];
    case MOON_ROLL_TALLY_OUTDATED:
        return c[COLUMN_OLD][w];
    case MOON_ROLL_TALLY_MISSING:
        return wanted & ~has_pod;
    case MOON_ROLL_TALLY_FAILED:
        return c[COLUMN_FAILED][w];
    case MOON_ROLL_TALLY_WAITING:
        return c[COLUMN_WAITING][w];
    case MOON_ROLL_TALLY_CREATING:
        return c[COLUMN_CREATING][w];
    case MOON_ROLL_TALLY_DRAINING:
        return c[COLUMN_DRAIN][w];
    }
    return 0;
}

size_t moon_roll_index_count(const struct moon_roll_index *x, size_t words,
                             enum moon_roll_tally what)
{
    size_t n = 0;

    for (size_t w = 0; w < words; w++) {
        n += (size_t)__builtin_popcountll(tallied(x, what, w));
    }
    return n;
}
