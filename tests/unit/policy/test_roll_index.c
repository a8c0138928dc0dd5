/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/roll_priv.h"

enum {
    SLOTS = 300,
    ROUNDS = 40,
};

static uint64_t seed = 7;

/* The same numbers in every run (Knuth's constants). */
static unsigned chance(unsigned of)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % of;
}

static const struct moon_node node;
static const struct moon_pod ready_pod = {.ready = true, .phase = MOON_PHASE_RUNNING};

/* Two pods of a node are never the same. */
static const struct moon_pod *any_pod(bool old)
{
    static const struct moon_pod pods[][2] = {
        {{.ready = true, .phase = MOON_PHASE_RUNNING},
         {.ready = true, .phase = MOON_PHASE_RUNNING}},
        {{.phase = MOON_PHASE_RUNNING}, {.phase = MOON_PHASE_RUNNING}},
        {{.phase = MOON_PHASE_FAILED}, {.phase = MOON_PHASE_FAILED}},
    };
    unsigned kind = chance(5);

    return kind < MOON_ARRAY_SIZE(pods) ? &pods[kind][old] : NULL;
}

static struct moon_roll_slot any_slot(void)
{
    struct moon_roll_slot s = {
        .node = chance(10) > 0 ? &node : NULL,
        .wanted = chance(4) > 0,
        .excess = chance(8) == 0,
        .deleting = chance(5) == 0,
        .waiting = chance(3) == 0,
        .old_pod = any_pod(true),
        .new_pod = any_pod(false),
        .old_health = chance(9) == 0 ? MOON_HEALTH_FAILED : MOON_HEALTH_READY,
    };

    s.old_available = s.old_pod != NULL && s.old_pod->ready && chance(3) > 0;
    s.new_available = s.new_pod != NULL && s.new_pod->ready && chance(3) > 0;
    return s;
}

static struct moon_roll_filter any_filter(void)
{
    return (struct moon_roll_filter){
        .state = (enum moon_roll_state)chance(MOON_ROLL_STATES),
        .available = (enum moon_roll_want)chance(3),
        .ready = (enum moon_roll_want)chance(3),
        .paired = (enum moon_roll_want)chance(3),
        .wanted = (enum moon_roll_want)chance(3),
        .waiting = (enum moon_roll_want)chance(3),
        .limit = -1,
    };
}

/* Each slot that matches is a candidate, and few others are. */
static void compare(const struct moon_roll *roll, const struct moon_roll_filter *f)
{
    size_t candidates = 0;
    size_t matching = 0;

    for (size_t i = 0; i < roll->count; i++) {
        uint64_t word = moon_roll_index_candidates(roll->index, f, i / MOON_ROLL_WORD);
        bool is_candidate = (word >> i % MOON_ROLL_WORD & 1) != 0;
        bool does_match = moon_roll_filter_matches(f, &roll->slots[i]);
        assert_true(is_candidate || !does_match);
        candidates += is_candidate;
        matching += does_match;
    }
    if (f->state == MOON_ROLL_OUTDATED || f->state == MOON_ROLL_UPDATED) {
        assert_int_equal(candidates, matching);
    }
    /* None behind the last slot. */
    uint64_t last = moon_roll_index_candidates(roll->index, f, roll->count / MOON_ROLL_WORD);
    assert_int_equal(last >> roll->count % MOON_ROLL_WORD, 0);
}

static void test_candidates_are_those_that_match(void **state MOON_UNUSED)
{
    static struct moon_roll_slot slots[SLOTS];
    struct moon_roll_index index = {0};
    struct moon_roll roll = {.slots = slots, .count = SLOTS, .index = &index};

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < SLOTS; i++) {
            if (round == 0 || chance(3) == 0) { /* later rounds change what was set */
                slots[i] = any_slot();
                moon_roll_index_set(&index, i, &slots[i]);
            }
        }
        for (int k = 0; k < ROUNDS; k++) {
            struct moon_roll_filter f = any_filter();
            compare(&roll, &f);
        }
    }
    moon_roll_index_fini(&index);
}

static void test_slots_that_move_and_go(void **state MOON_UNUSED)
{
    struct moon_roll_slot s = {.node = &node, .wanted = true, .old_pod = &ready_pod};
    struct moon_roll_filter f = {.state = MOON_ROLL_OUTDATED, .limit = -1};
    struct moon_roll_index index = {0};

    moon_roll_index_set(&index, 5000, &s);
    assert_int_equal(moon_roll_index_candidates(&index, &f, 5000 / MOON_ROLL_WORD),
                     UINT64_C(1) << 5000 % MOON_ROLL_WORD);
    assert_int_equal(moon_roll_index_candidates(&index, &f, 0), 0);
    assert_int_equal(moon_roll_index_count(&index, index.words, MOON_ROLL_TALLY_DESIRED), 1);
    assert_int_equal(moon_roll_index_count(&index, index.words, MOON_ROLL_TALLY_READY), 1);
    assert_int_equal(moon_roll_index_count(&index, index.words, MOON_ROLL_TALLY_AVAILABLE), 0);
    moon_roll_index_set_waiting(&index, 5000, true);
    assert_int_equal(moon_roll_index_count(&index, index.words, MOON_ROLL_TALLY_WAITING), 1);
    moon_roll_index_move(&index, 5000, 3);
    assert_int_equal(moon_roll_index_candidates(&index, &f, 5000 / MOON_ROLL_WORD), 0);
    assert_int_equal(moon_roll_index_candidates(&index, &f, 0), UINT64_C(1) << 3);
    assert_int_equal(moon_roll_index_count(&index, index.words, MOON_ROLL_TALLY_WAITING), 1);
    moon_roll_index_move(&index, 3, 3); /* the last one goes */
    assert_int_equal(moon_roll_index_count(&index, index.words, MOON_ROLL_TALLY_DESIRED), 0);
    moon_roll_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates_are_those_that_match),
        cmocka_unit_test(test_slots_that_move_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
