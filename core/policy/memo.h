/* SPDX-License-Identifier: Apache-2.0
 *
 * memo.h - answers of a pure hook, found again by what the hook has read.
 *
 * One memo for each hook of each policy of a set. It is a tree: an inner node says what is read
 * next (trace.h), each value that was seen leads on, a leaf is the answer. A node whose reads along
 * a path give the same values has the same answer, so it costs no Lua. One hit in 1,024 is asked
 * for real all the same; a policy that then says something else is not pure, and gets no memo any
 * more. Beside the tree it knows everything that was ever read: a change of a node that touches
 * none of it changes no answer.
 *
 * A memo is for one set as it is: another template, other labels or parameters clear the tree. It
 * is bounded, and is cleared as a whole when it is full; when that does not help, because each
 * object is read differently (its name), it rests for a while. Private to policy.
 */
#ifndef MOON_POLICY_MEMO_H
#define MOON_POLICY_MEMO_H

#include "policy/hooks.h"
#include "policy/trace.h"

struct moon_memo;

/* What a hook said: a placement with a reason, keys of a rank, a health with a reason. */
struct moon_hook_answer {
    int code;
    moon_sym reason; /* owned; NULL: none */
    size_t key_count;
    struct moon_rank_key keys[MOON_RANK_KEYS]; /* texts are owned */
};
void moon_hook_answer_fini(struct moon_hook_answer *a);
void moon_hook_answer_copy(const struct moon_hook_answer *from, struct moon_hook_answer *to);
bool moon_hook_answer_equal(const struct moon_hook_answer *a, const struct moon_hook_answer *b);

struct moon_memo *moon_memo_new(void);
void moon_memo_free(struct moon_memo *m); /* NULL is fine */

/* Before questions about this set, answered by this state: forgets answers for another one. */
void moon_memo_prepare(struct moon_memo *m, const struct moon_set_view *set, uint64_t state);

/* The answer for such a subject; NULL: it has to be asked for. *ret_check: so it has all the same,
 * to see whether it is still the same. Borrowed until the next call. */
const struct moon_hook_answer *moon_memo_find(struct moon_memo *m, const struct moon_subject *s,
                                              bool *ret_check);
/* Is anything to be noted while the hook runs? */
bool moon_memo_wants_trace(const struct moon_memo *m);
/* After a call that was traced; `answer` NULL: it failed. */
void moon_memo_learn(struct moon_memo *m, const struct moon_trace *t,
                     const struct moon_hook_answer *answer);
/* The hook has said another thing for the same: no more answers are kept. */
void moon_memo_give_up(struct moon_memo *m, const char *why);
/* It was read who knows what. */
void moon_memo_read_everything(struct moon_memo *m);

/* ---- for a trace ---- */
/* The number of a read; -1: there are too many. */
int moon_memo_read(struct moon_memo *m, enum moon_read_kind kind, const char *key);
int moon_memo_read_selector(struct moon_memo *m, const struct moon_selector *selector);
/* What of the set is not its spec (desired, revision) matters, too. */
void moon_memo_watch_set(struct moon_memo *m);

/* ---- what was read ---- */
/* Would all that was ever read be the same of both? False also when that is not known. */
bool moon_memo_reads_same(const struct moon_memo *m, const struct moon_subject *a,
                          const struct moon_subject *b);

struct moon_memo_figures {
    uint64_t hits;
    uint64_t asked; /* calls that were made */
    size_t paths;
    size_t bytes; /* about */
    bool reads_everything;
    const char *off; /* why no answers are kept; NULL: they are */
};
void moon_memo_figures(const struct moon_memo *m, struct moon_memo_figures *ret);
/* "label edge, taints" */
void moon_memo_describe_reads(const struct moon_memo *m, struct moon_buf *out);

#endif
