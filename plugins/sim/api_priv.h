/* SPDX-License-Identifier: Apache-2.0
 *
 * api_priv.h - what the files of the API server share.
 *
 * apiserver.c (life, routing), arrivals.c (a call's way in and out, with what goes wrong on it),
 * faults.c, fault_line.c and fault_words.c (which faults, and what they say), watch_faults.c,
 * call.c (a request taken apart, answers), body.c (bodies to decoded objects), write.c (create,
 * update: rules and storage), verbs_*.c (what each verb does), list.c, list_options.c and paging.c,
 * watchers.c, delete.c, gc.c, expiry.c, subresources.c, discovery.c, openapi.c, openapi_v2.c,
 * table.c.
 */
#ifndef MOON_SIM_API_PRIV_H
#define MOON_SIM_API_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "io/httpd.h"
#include "sim/apiserver.h"
#include "sim/custom.h"
#include "sim/faults.h"
#include "sim/kinds.h"
#include "sim/objdb.h"
#include "sim/registry.h"
#include "sim/schema.h"
#include "sim/selectors.h"

struct moon_sim_arrivals;
struct moon_sim_crds;
struct moon_sim_expiry;
struct moon_sim_faults;
struct moon_sim_gc;
struct moon_sim_paging;
struct moon_sim_watchers;

struct moon_sim_api {
    unsigned magic;
    struct moon_loop *loop;
    struct moon_httpd *httpd;
    struct moon_sim_schema *schema;
    struct moon_sim_kinds *kinds;
    struct moon_sim_objdb *db;
    struct moon_sim_watchers *watchers;
    struct moon_sim_paging *paging;
    struct moon_sim_gc *gc;
    struct moon_sim_expiry *expiry;
    struct moon_sim_faults *faults;
    struct moon_sim_arrivals *arrivals;
    struct moon_sim_crds *crds;
    struct moon_sim_api_stats stats;
    unsigned next_cluster_ip;
    unsigned next_node_port;
    bool refuses_streamed_lists;
};

/* How the client wants objects presented (Accept). */
enum moon_sim_view {
    MOON_SIM_VIEW_OBJECT,
    MOON_SIM_VIEW_TABLE,
    MOON_SIM_VIEW_METADATA /* PartialObjectMetadata */
};

enum moon_sim_field_validation {
    MOON_SIM_IGNORE,
    MOON_SIM_WARN,
    MOON_SIM_STRICT
};

/* What goes wrong with one call; see faults.h. */
struct moon_sim_spoil {
    bool is_set;
    bool is_silent; /* the stream says nothing more */
    enum moon_sim_fault fault;
    int code;
    uint64_t retry_after_s;
    uint64_t delay_ms;
    uint64_t lines; /* of a stream, still to come before it strikes */
};

/* One request for a resource, taken apart. Texts live as long as the call. */
struct moon_sim_call {
    struct moon_sim_api *api;
    struct moon_httpd_request *request;
    const char *method;
    const struct moon_sim_kind *kind;
    const char *ns;          /* NULL: none in the path */
    const char *name;        /* NULL: the collection */
    const char *subresource; /* NULL: the object itself */
    enum moon_sim_view view;
    const char *view_version; /* of meta.k8s.io: v1, v1beta1 */
    enum moon_sim_field_validation field_validation;
    bool dry_run;
    bool pretty;
    int status; /* of the answer, once there is one */
    struct moon_sim_spoil spoil;
};

/* ---- apiserver.c ---- */

enum {
    MOON_SIM_SEGMENTS_MAX = 9
};

/* The path of a request, cut at its slashes, each piece decoded. */
struct moon_sim_path {
    char *segments[MOON_SIM_SEGMENTS_MAX];
    size_t count;
};
void moon_sim_path_fini(struct moon_sim_path *path); /* for MOON_CLEANUP, too */
/* Fill a call that has server and request: method, and if the path names what is served, kind,
 * namespace, name, subresource, whose texts belong to `path`. */
void moon_sim_call_open(struct moon_sim_call *call, struct moon_sim_path *path);
/* "get", "list", …: as in a fault's rule. */
const char *moon_sim_verb_name(const struct moon_sim_call *call);
/* Carry it out and answer. */
void moon_sim_dispatch(struct moon_sim_call *call);

/* ---- arrivals.c ---- */

struct moon_sim_arrivals *moon_sim_arrivals_new(struct moon_sim_api *api);
void moon_sim_arrivals_free(struct moon_sim_arrivals *a);
void moon_sim_arrive(struct moon_sim_api *api, struct moon_httpd_request *request);
/* Forget what is late. */
void moon_sim_arrivals_lose(struct moon_sim_arrivals *a);
/* Tell the observer. */
void moon_sim_arrivals_event(struct moon_sim_arrivals *a, const struct moon_sim_event *event);
/* The one way out for every answer in one piece; `type` is static. */
void moon_sim_answer(struct moon_sim_call *call, int code, const char *type, struct moon_str body);
/* And for streams; false: there will be none, the call is over. */
bool moon_sim_answer_stream(struct moon_sim_call *call, const char *type, size_t max_queued_bytes);

/* ---- faults.c, fault_words.c ---- */

struct moon_sim_faults *moon_sim_faults_new(void);
void moon_sim_faults_free(struct moon_sim_faults *faults);
/* Let all rules count this call; *ret is what the oldest that is due does to it. */
void moon_sim_faults_meet(struct moon_sim_faults *faults, const struct moon_sim_api_call *call,
                          struct moon_sim_spoil *ret);
void moon_sim_faults_strike(struct moon_sim_faults *faults);
bool moon_sim_fault_has_words(int code);
/* Fill *st with what a server says with the code of call->spoil. */
void moon_sim_fault_refuse(const struct moon_sim_call *call, const char *verb,
                           struct moon_sim_status *st);

/* ---- watch_faults.c ---- */

#define MOON_SIM_WATCH_EXPIRED "The resourceVersion for the provided watch is too old."

/* A stream has begun; write a line; end it in good order. What spoils the call strikes here. False:
 * the stream is over, nothing more may be written. */
bool moon_sim_stream_begun(struct moon_sim_call *call);
bool moon_sim_stream_line(struct moon_sim_call *call, struct moon_str line);
void moon_sim_stream_end(struct moon_sim_call *call);

/* ---- call.c ---- */

/* Look at Accept and the query. */
int moon_sim_call_negotiate(struct moon_sim_call *call, struct moon_sim_status *st);
/* NULL: absent or empty. */
const char *moon_sim_call_query(const struct moon_sim_call *call, const char *name);
/* "true", "1"; absent is false. */
bool moon_sim_call_flag(const struct moon_sim_call *call, const char *name);
int moon_sim_call_int(const struct moon_sim_call *call, const char *name, int64_t *ret_value,
                      struct moon_sim_status *st);

int64_t moon_sim_now_s(const struct moon_sim_api *api);

/* Answers; each ends the request. */
void moon_sim_reply_status(struct moon_sim_call *call, const struct moon_sim_status *st);
void moon_sim_reply_tree(struct moon_sim_call *call, int code, const cJSON *tree);
/* An object in the view asked for: its tree without kind and apiVersion. */
void moon_sim_reply_object(struct moon_sim_call *call, int code, const cJSON *tree);
void moon_sim_reply_stored(struct moon_sim_call *call, int code, const struct moon_sim_obj *obj);
/* A stored object as this version of its kind shows it: without kind and apiVersion. */
cJSON *moon_sim_view_tree(const struct moon_sim_kind *kind, const struct moon_sim_obj *obj);
/* The same as text, with kind and apiVersion in front: appended. */
void moon_sim_view_print(const struct moon_sim_kind *kind, const struct moon_sim_obj *obj,
                         struct moon_buf *out);

/* ---- body.c ---- */

/* The body of a POST or PUT as a tree, JSON or YAML; content types we cannot read: 415. */
int moon_sim_body_tree(struct moon_sim_call *call, cJSON **ret_tree, struct moon_sim_status *st);
/* Why a body is no object of the API, in the server's words: `tree` is what was parsed, NULL when
 * nothing could be (then `parse_err` says why). */
void moon_sim_body_why(const struct moon_sim_call *call, const cJSON *tree,
                       const struct moon_err *parse_err, struct moon_buf *out);
/* Check kind and apiVersion, take them off, decode. Strict decoding refuses, Warn adds headers. */
int moon_sim_body_decode(struct moon_sim_call *call, const struct moon_sim_kind *kind, cJSON *tree,
                         struct moon_sim_status *st);

/* ---- write.c ---- */

/* What one write is about besides the object. */
struct moon_sim_write {
    struct moon_sim_api *api;
    const struct moon_sim_kind *kind;
    const char *subresource; /* NULL or "status", "binding", "finalize" */
    bool dry_run;
};

/* Run the rules for a new, decoded object and store it. `tree` becomes what was stored. */
int moon_sim_create(const struct moon_sim_write *w, const char *ns, cJSON *tree,
                    struct moon_sim_status *st);
/* The same for a change of `old`. `tree` becomes what is stored, or what was removed when the
 * change took away the last finalizer; nothing is written when nothing has changed. */
int moon_sim_update(const struct moon_sim_write *w, struct moon_sim_obj *old, cJSON *tree,
                    struct moon_sim_status *st);
/* Decode and order once more before storing. */
void moon_sim_normalise(const struct moon_sim_api *api, const struct moon_sim_kind *kind,
                        cJSON *tree);

/* ---- delete.c ---- */

struct moon_sim_delete_opts {
    bool has_grace;
    int64_t grace_s;
    char *uid;         /* precondition; NULL: none */
    char *version;     /* precondition; NULL: none */
    char *propagation; /* Background, Foreground, Orphan; NULL: the object's own */
    bool dry_run;
};

void moon_sim_delete_opts_fini(struct moon_sim_delete_opts *opts); /* for MOON_CLEANUP, too */
/* From body and query. */
int moon_sim_delete_opts_read(struct moon_sim_call *call, struct moon_sim_delete_opts *ret,
                              struct moon_sim_status *st);
int moon_sim_delete_opts_from_tree(const cJSON *tree, struct moon_sim_delete_opts *ret,
                                   struct moon_sim_status *st);
/* Begin or finish the deletion of an object. *ret_tree: its last state, owned by the caller;
 * *ret_gone: it is removed. */
int moon_sim_delete(struct moon_sim_api *api, struct moon_sim_obj *obj,
                    const struct moon_sim_delete_opts *opts, cJSON **ret_tree, bool *ret_gone,
                    struct moon_sim_status *st);

/* ---- verbs ---- */

void moon_sim_verb_get(struct moon_sim_call *call);
void moon_sim_verb_list(struct moon_sim_call *call);
void moon_sim_verb_watch(struct moon_sim_call *call);
void moon_sim_verb_create(struct moon_sim_call *call);
void moon_sim_verb_review(struct moon_sim_call *call);
void moon_sim_verb_update(struct moon_sim_call *call);
void moon_sim_verb_patch(struct moon_sim_call *call);
void moon_sim_verb_delete(struct moon_sim_call *call);
void moon_sim_verb_delete_collection(struct moon_sim_call *call);
/* pods/binding, pods/eviction and what we refuse by name (log, exec, …). */
void moon_sim_verb_binding(struct moon_sim_call *call);
void moon_sim_verb_eviction(struct moon_sim_call *call);
void moon_sim_verb_finalize(struct moon_sim_call *call);

/* ---- discovery.c, openapi.c ---- */

/* True when the path was one of theirs and is answered. */
bool moon_sim_discovery(struct moon_sim_call *call, const char *path);
bool moon_sim_openapi(struct moon_sim_call *call, const char *path);
/* The v2 document, in protobuf. */
void moon_sim_openapi_v2(const struct moon_sim_api *api, struct moon_buf *out);

/* ---- list_options.c ---- */

/* resourceVersionMatch and sendInitialEvents: 422 when they do not go with the rest. */
int moon_sim_list_options_check(const struct moon_sim_call *call, bool is_watch,
                                struct moon_sim_status *st);
/* The resourceVersion asked for; *ret_version stays when there is none. */
int moon_sim_list_options_version(const struct moon_sim_call *call, uint64_t *ret_version,
                                  struct moon_sim_status *st);
/* 504 for a version that there has not been yet. */
int moon_sim_list_options_not_future(const struct moon_sim_call *call, uint64_t wanted,
                                     struct moon_sim_status *st);

/* ---- table.c ---- */

/* A Table or PartialObjectMetadata(List) of these objects. `metadata` is the list's, copied. */
cJSON *moon_sim_table(const struct moon_sim_call *call, struct moon_sim_obj *const *objs,
                      size_t count, const cJSON *metadata, bool with_columns);
/* One row of a tree that is not stored (dry run). */
cJSON *moon_sim_table_of_tree(const struct moon_sim_call *call, const cJSON *tree);
cJSON *moon_sim_partial(const struct moon_sim_call *call, const cJSON *tree);

/* ---- paging.c ---- */

struct moon_sim_paging *moon_sim_paging_new(struct moon_loop *loop, uint64_t life_ms);
void moon_sim_paging_free(struct moon_sim_paging *paging);
/* Forget all snapshots. */
void moon_sim_paging_clear(struct moon_sim_paging *paging);

/* The rest of a list that was cut by `limit`, as it was at one version. */
struct moon_sim_page {
    const struct moon_sim_kind *kind;
    const char *ns; /* borrowed; NULL: all */
    struct moon_sim_obj *const *objs;
    size_t count;
    uint64_t version;
};
/* Keep these (references are taken); returns the continue token for the rest after `used`. */
char *moon_sim_paging_keep(struct moon_sim_paging *paging, const struct moon_sim_page *page,
                           size_t used);
/* Find what a token stands for; the caller has set the page's kind and ns. MOON_E_GONE: it is
 * forgotten, or was given out for another list; *ret_ns and *ret_name then say after which object
 * an inconsistent list would go on. MOON_E_INVALID: it is no token. */
int moon_sim_paging_find(struct moon_sim_paging *paging, const char *token,
                         struct moon_sim_page *page, char **ret_ns, char **ret_name,
                         struct moon_err *err);
/* A token that goes on after an object at whatever version is current. */
char *moon_sim_paging_inconsistent(const char *ns, const char *name);

/* ---- watchers.c ---- */

struct moon_sim_watchers *moon_sim_watchers_new(struct moon_sim_api *api,
                                                uint64_t bookmark_interval_ms);
void moon_sim_watchers_free(struct moon_sim_watchers *ws);
void moon_sim_watchers_event(struct moon_sim_watchers *ws, const struct moon_sim_event *event);
/* End the watches of one version of a kind, as when it is no longer served. */
void moon_sim_watchers_end(struct moon_sim_watchers *ws, const struct moon_sim_kind *kind);
size_t moon_sim_watchers_count(const struct moon_sim_watchers *ws);

/* ---- crd.c ---- */

struct moon_sim_crds *moon_sim_crds_new(struct moon_sim_api *api);
void moon_sim_crds_free(struct moon_sim_crds *crds);
/* A definition or one of its objects changed: kinds come and go at once, conditions follow. */
void moon_sim_crds_event(struct moon_sim_crds *crds, const struct moon_sim_event *event);

/* ---- expiry.c ---- */

/* Events go an hour after their last write. */
struct moon_sim_expiry *moon_sim_expiry_new(struct moon_sim_api *api);
void moon_sim_expiry_free(struct moon_sim_expiry *expiry);

/* ---- gc.c ---- */

struct moon_sim_gc *moon_sim_gc_new(struct moon_sim_api *api);
void moon_sim_gc_free(struct moon_sim_gc *gc);
/* Something changed that the collector may have to follow up on; work is done later. */
void moon_sim_gc_event(struct moon_sim_gc *gc, const struct moon_sim_event *event);

#endif
