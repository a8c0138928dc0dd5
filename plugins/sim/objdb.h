/* SPDX-License-Identifier: Apache-2.0
 *
 * objdb.h - the objects of the simulated API server, their versions and their recent history.
 *
 * What is kept is *text*: each version of an object is one immutable, counted JSON text as it is
 * served (without kind and apiVersion) plus the few fields that lists and watches select on. A tree
 * exists only while a request changes or prints an object. So 100,000 pods cost their text, every
 * number survives, and a list at one version is a row of references that nobody can change.
 *
 * One counter gives versions to all kinds, as etcd does. Each kind is listed by (namespace, name)
 * and remembers its last `history` events; what is older than these is "compacted".
 */
#ifndef MOON_SIM_OBJDB_H
#define MOON_SIM_OBJDB_H

#include "base/intern.h"
#include "sim/tree.h"

struct moon_sim_kind;
struct moon_sim_objdb;

struct moon_sim_label {
    moon_sym key;
    moon_sym value;
};

/* Immutable. Texts that are absent are NULL, but for ns: "" when the kind has no namespaces. */
struct moon_sim_obj {
    unsigned refs;
    size_t slot; /* the store's own */
    const struct moon_sim_kind *kind;
    uint64_t version;
    moon_sym ns;
    moon_sym name;
    moon_sym uid;
    moon_sym node_name; /* spec.nodeName */
    moon_sym phase;     /* status.phase */
    bool is_deleting;   /* has a deletionTimestamp */
    struct moon_sim_label *labels;
    size_t label_count;
    moon_sym *owners; /* uids of metadata.ownerReferences */
    size_t owner_count;
    struct moon_str text;
};

enum moon_sim_event_type {
    MOON_SIM_ADDED,
    MOON_SIM_MODIFIED,
    MOON_SIM_DELETED
};

struct moon_sim_event {
    uint64_t version;
    enum moon_sim_event_type type;
    struct moon_sim_obj *obj;    /* for DELETED: the last state, at the version of the deletion */
    struct moon_sim_obj *before; /* NULL for ADDED */
};

struct moon_sim_objdb_opts {
    size_t kinds;   /* how many at first; kind->index is below it */
    size_t history; /* events kept per kind */
    /* …and what their objects may weigh per kind: large ones, changed often, are forgotten sooner.
     * 0 = 64 MB */
    size_t history_bytes;
    /* Runs inside put and remove, after the change is in. */
    void (*on_event)(const struct moon_sim_event *event, void *ctx);
    void *ctx;
};

struct moon_sim_objdb *moon_sim_objdb_new(const struct moon_sim_objdb_opts *opts);
/* Make room for further kinds. */
void moon_sim_objdb_reserve(struct moon_sim_objdb *db, size_t kinds);
void moon_sim_objdb_free(struct moon_sim_objdb *db);

struct moon_sim_obj *moon_sim_obj_ref(struct moon_sim_obj *obj);
void moon_sim_obj_unref(struct moon_sim_obj *obj); /* NULL is fine */
/* A tree of its own for the caller. */
cJSON *moon_sim_obj_tree(const struct moon_sim_obj *obj);
/* NULL: not set. */
const char *moon_sim_obj_label(const struct moon_sim_obj *obj, const char *key);

/* The version of the last write. */
uint64_t moon_sim_objdb_version(const struct moon_sim_objdb *db);
/* Borrowed until the next write of this object; NULL when there is none. */
struct moon_sim_obj *moon_sim_objdb_get(const struct moon_sim_objdb *db,
                                        const struct moon_sim_kind *kind, const char *ns,
                                        const char *name);
struct moon_sim_obj *moon_sim_objdb_by_uid(const struct moon_sim_objdb *db, const char *uid);

/* Write a version into an object's metadata, where decoding would put it: texts are compared. */
void moon_sim_set_version(cJSON *tree, uint64_t version);
/* Create or replace the object with this tree's namespace and name; writes the version into the
 * tree. The result is borrowed as with get. */
struct moon_sim_obj *moon_sim_objdb_put(struct moon_sim_objdb *db, const struct moon_sim_kind *kind,
                                        cJSON *tree);
/* Remove it; `tree` is its last state and gets the version of the deletion. */
void moon_sim_objdb_remove(struct moon_sim_objdb *db, const struct moon_sim_kind *kind,
                           cJSON *tree);

/* The objects of a kind in order: all of them (ns NULL) or those of one namespace. The array is
 * valid until the next write. */
struct moon_sim_obj *const *moon_sim_objdb_range(const struct moon_sim_objdb *db,
                                                 const struct moon_sim_kind *kind, const char *ns,
                                                 size_t *ret_count);
/* Of all kinds. */
size_t moon_sim_objdb_total(const struct moon_sim_objdb *db);
size_t moon_sim_objdb_count(const struct moon_sim_objdb *db, const struct moon_sim_kind *kind);
/* In such a range: the index of the first object at or after (ns, name). */
size_t moon_sim_objdb_seek(struct moon_sim_obj *const *range, size_t count, const char *ns,
                           const char *name);

/* Those that name `uid` as an owner, in order of creation: `fn` must not write. */
void moon_sim_objdb_dependents(const struct moon_sim_objdb *db, const char *uid,
                               void (*fn)(struct moon_sim_obj *obj, void *ctx), void *ctx);

/* Events of a kind after `version`, oldest first; false when some of them are forgotten.
 * *ret_oldest is then the version of the oldest one known. */
bool moon_sim_objdb_replay(const struct moon_sim_objdb *db, const struct moon_sim_kind *kind,
                           uint64_t version, uint64_t *ret_oldest,
                           void (*fn)(const struct moon_sim_event *event, void *ctx), void *ctx);
/* Forget the history of all kinds, as a compaction does. */
void moon_sim_objdb_compact(struct moon_sim_objdb *db);
/* The version of the last event of this kind; 0: none yet. */
uint64_t moon_sim_objdb_kind_version(const struct moon_sim_objdb *db,
                                     const struct moon_sim_kind *kind);

#endif
