#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "rp/writer.h"
#include "store/kv.h"

/*
 * What the node answers when asked: msgpack maps that read well as JSON (ids as text, times as ISO
 * 8601), the single source for rpctl, its --json and the web (SPEC 8.3). Nothing is shown here that
 * consent does not cover: a story whose review date has passed, or of an organisation that is not
 * accepted, does not exist for a view.
 */
struct view_source {
    struct kv *kv;
    struct core *core;
    const struct self *self;
    const char *software;
    const char *listen; /* HOST:PORT as listened */
    const char *web;    /* HOST:PORT, or "off" */
    uint64_t started_ms;
    uint64_t now_ms;    /* the calendar */
    uint64_t steady_ms; /* what core calls now */
    uint64_t store_bytes;
    uint64_t store_max_bytes;
    bool store_full;
    bool erasing; /* what left the store may still be in its file: */
    uint64_t erasing_since;
    const char *erasing_why; /* why that takes longer than it should; NULL: it does not */
};

/* Times: "2026-11-22T09:14:02Z" and "2026-11-22". */
#define VIEW_TIME_LEN 20
#define VIEW_DATE_LEN 10
void view_time(char out[static VIEW_TIME_LEN + 1], uint64_t ms);
void view_date(char out[static VIEW_DATE_LEN + 1], uint64_t ms);

/* "rpctl.status/1", and "rpctl.peers/1". */
void view_status(struct rp_writer *w, const struct view_source *source);
void view_peers(struct rp_writer *w, const struct view_source *source);

/*
 * Answers of any length are given piece by piece, a turn of the loop after the other: a walk looks
 * at so many entries, shown or not, and then gives nothing with ${more} set. To go on, at a later
 * turn, ${looked} is set back to 0.
 */
#define VIEW_TURN 256

/* A listing, item by item, so that the longest never stands in memory. Zero-initialise. */
struct view_list {
    bool has_kind;
    char kind[RP_KIND_LEN_MAX + 1];
    uint32_t author;     /* organisation by number; 0: all */
    bool no_local;       /* of the commons alone */
    bool one_scope;      /* of ${scope} alone */
    bool public_only;    /* without what consent keeps off public pages and out of exports */
    struct kv_key after; /* where to go on */
    uint32_t scope;      /* the one being listed */
    bool at_end;
    uint32_t looked; /* entries, in this turn */
    bool more;       /* it stopped because the turn is over */
};

/*
 * Writes the next item to ${w}; false at the end, or at that of the turn. Items are the current
 * versions of objects, by scope and kind, the newest first; of one author by scope, what came last
 * first. After an error in the store, ${err} says so.
 */
bool view_list_next(struct view_list *list, struct rp_writer *w, const struct view_source *source,
                    int *err);

/* A place in the listing of the commons as text, to go on from in another request: of the entry
 * looked at last, in hex; and back. False when the text is not such a place of this listing. */
#define VIEW_CURSOR_MAX (2 * KV_KEY_MAX + 1)
void view_list_cursor(char out[static VIEW_CURSOR_MAX], const struct view_list *list);
bool view_list_resume(struct view_list *list, const char *cursor);

/*
 * The object that ${id} (of it or of one of its versions; hex, shortened at will) names, whether or
 * not it may be shown. RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS, RP_ERR_ARGUMENT, RP_ERR_WITHDRAWN.
 */
int view_find_object(uint8_t object[static RP_ID_LEN], const char *id,
                     const struct view_source *source) __attribute__((warn_unused_result));

/* One object: first its versions, the newest first, then what they have in common. */
struct view_object {
    uint8_t object[RP_ID_LEN];
    bool public_only;    /* without what consent keeps off public pages and out of exports, and */
    bool with_local;     /* unless this is set, without what never leaves this node */
    struct kv_key after; /* where to go on */
    uint32_t looked;     /* entries, in this turn */
    bool more;           /* it stopped because the turn is over */
    uint32_t versions;   /* written so far */
    uint8_t org[RP_ID_LEN];
    uint32_t org_number;
    uint32_t scope;
    bool withdrawn; /* a withdrawal was met on the way, of what might have been shown */
};

/* Writes the next version that may be shown; false at the end, or at that of the turn. Those that
 * are current have content. */
bool view_object_next(struct view_object *view, struct rp_writer *w,
                      const struct view_source *source, int *err);

/* Writes the rest. RP_ERR_NOT_FOUND or RP_ERR_WITHDRAWN when there was no version to show. */
int view_object_finish(const struct view_object *view, struct rp_writer *w,
                       const struct view_source *source) __attribute__((warn_unused_result));

/* Why stories are not shown, when the store was restored; NULL: they are. */
const char *view_withholds(const struct view_source *source);

/* Two pairs for a map: "quoted_by", the objects whose current versions adapt or translate
 * ${object}, for a person to look at when it is withdrawn, and whether there are more. */
void view_quotes(struct rp_writer *w, const uint8_t object[static RP_ID_LEN],
                 const struct view_source *source);

/* "rpctl.circles/1": the circles that are known here. */
void view_circles(struct rp_writer *w, const struct view_source *source);

/* The nodes that beacons tell of (SPEC 3.7), item by item. Zero-initialise. */
struct view_nodes {
    uint32_t at;
};
bool view_nodes_next(struct view_nodes *walk, struct rp_writer *w,
                     const struct view_source *source);

/* The withdrawals that are held here, this organisation's and others'. Zero-initialise. */
struct view_withdrawals {
    struct kv_key next; /* where to go on */
    uint32_t looked;    /* entries, in this turn */
    bool more;          /* it stopped because the turn is over */
};

/* Writes the next one; false at the end, or at that of the turn. */
bool view_withdrawals_next(struct view_withdrawals *walk, struct rp_writer *w,
                           const struct view_source *source, int *err);

/*
 * Own stories by the day on which consent is to be asked again, for the operator alone: those whose
 * consent has run out or does within so many days, or all that name a day. Zero-initialise.
 */
#define VIEW_CONSENT_DAYS 30
struct view_consent {
    bool all;
    struct kv_key after; /* where to go on */
    uint32_t looked;     /* entries, in this turn */
    bool more;           /* it stopped because the turn is over */
};
bool view_consent_next(struct view_consent *walk, struct rp_writer *w,
                       const struct view_source *source, int *err);

/* A walk through a table, item by item. Zero-initialise. */
struct view_walk {
    struct kv_key after; /* where to go on */
    uint32_t looked;     /* entries, in this turn */
    bool more;           /* it stopped because the turn is over */
};

/* Stories that wait for a second person (SPEC 5.4), the newest last; and one of them with its
 * content: ${record} is of kind "held". */
bool view_reviews_next(struct view_walk *walk, struct rp_writer *w,
                       const struct view_source *source, int *err);
void view_review(struct rp_writer *w, const struct rp_record *record,
                 const struct view_source *source);

/*
 * The organisations other than our own that will be able to read what is published into a scope: of
 * the commons all that are accepted now, of a circle its members. Zero-initialise but for scope.
 */
struct view_audience {
    uint8_t scope[RP_ID_LEN];
    uint32_t next;   /* where to go on */
    uint32_t looked; /* organisations, in this turn */
    bool more;       /* it stopped because the turn is over */
};
bool view_audience_next(struct view_audience *walk, struct rp_writer *w,
                        const struct view_source *source);

/* Records as they are signed, for export. Zero-initialise. */
struct view_export {
    bool local; /* with what never leaves this node */
    uint64_t after;
    bool content;       /* the control set has been walked */
    uint64_t held_back; /* records left out because consent does not cover an export */
    uint32_t looked;    /* entries, in this turn */
    bool more;          /* it stopped because the turn is over */
};

/*
 * Writes the next record to ${w}, control before content; false at the end, or at that of the turn.
 * An older version of a story is left out, whatever its own consent says, when no current one may
 * be published: that is how a teller takes a permission back.
 */
bool view_export_next(struct view_export *export, struct rp_writer *w,
                      const struct view_source *source, int *err);

/*
 * "rpctl.trust/1": how an organisation stands here, by which path of vouches it is accepted, or why
 * it is not.
 */
void view_trust(struct rp_writer *w, const struct view_source *source, uint32_t org);

/* An invite that was made here: its state, never its secret. */
void view_invite(struct rp_writer *w, const struct view_source *source,
                 const struct invite_entry *invite);

/* "rpctl.node-list/1": the nodes of our own organisation that are known here. */
void view_node_list(struct rp_writer *w, const struct view_source *source);

/* The Ed25519 key of the one that ${text} names: by its name, or at least 4 hex digits of the key.
 * RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS, or the store's. */
int view_find_node(const struct view_source *source, const char *text,
                   uint8_t out[static RP_KEY_LEN]) __attribute__((warn_unused_result));

/* The audit log, oldest first, and the objects hidden here. */
bool view_audit_next(struct view_walk *walk, struct rp_writer *w, const struct view_source *source,
                     int *err);
bool view_hidden_next(struct view_walk *walk, struct rp_writer *w, const struct view_source *source,
                      int *err);

#endif
