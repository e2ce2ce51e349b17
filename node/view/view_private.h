#ifndef VIEW_PRIVATE_H
#define VIEW_PRIVATE_H

#include "view.h"

/* Shared by the files of view/. Writers of "key", value pairs; keys must come in order. */
void put_hex(struct rp_writer *w, const char *key, const uint8_t *data, size_t len);
void put_hex_item(struct rp_writer *w, const uint8_t *data, size_t len); /* without a key */
void put_org(struct rp_writer *w, const char *key, const uint8_t *org);
void put_text(struct rp_writer *w, const char *key, const char *text); /* NULL: nil */
void put_uint(struct rp_writer *w, const char *key, uint64_t value);
void put_time(struct rp_writer *w, const char *key, uint64_t ms); /* 0: nil */

/* "federation" and "federation_nodes": what beacons say. */
void put_federation(struct rp_writer *w, const struct view_source *source);

/* "honoured": by which nodes the withdrawal at ${place} is; nil where beacons do not tell. */
void put_honoured(struct rp_writer *w, const struct view_source *source, const struct place *place);

/* A record's content with its binaries as hex. */
void put_content(struct rp_writer *w, const char *key, struct rp_slice content);

/* "held_back" of status. */
void view_held_back(struct rp_writer *w, const struct view_source *source);

/* Opens a stored record. One that is damaged is passed over; without memory the answer is an error.
 */
bool view_open_record(struct kv_txn *txn, struct rp_slice packed, struct rp_opened *out);

/* Whether a view may show the record: accepted, and consent has not lapsed. */
bool view_may_show(const struct view_source *source, const struct rp_record *record,
                   const struct place *place);

/* Whether it may also stand on a public page, or in a file that leaves the node: of the commons, a
 * story only when its consent covers the public web. */
bool view_may_publish(const struct view_source *source, const struct rp_record *record,
                      const struct place *place);

/* keys.c: "organisations", whose keys are not as they were at first, and a word for our own. */
void put_organisations(struct rp_writer *w, const struct view_source *source);
const char *own_key_word(const struct view_source *source);
bool own_key_is_good(const struct view_source *source);

/* The circle whose scope has this number in the store. False when there is none. */
bool view_circle(const struct view_source *source, uint32_t scope, struct circle_view *out);

/* To the scope after ${scope}: the commons, what is local, circles. False after the last. */
bool view_next_scope(const struct view_source *source, uint32_t *scope);

/* "audience": commons, local, or circle: and the first digits of its id. */
#define VIEW_CIRCLE_SHORT 4 /* bytes */
#define VIEW_AUDIENCE_MAX 32
void put_audience(struct rp_writer *w, const struct view_source *source, uint32_t scope);

/* How many stories wait for a second person. */
uint64_t view_reviews_count(const struct view_source *source);

/* "consent": [...], the first items of view_consent_next. */
void view_consent_due(struct rp_writer *w, const struct view_source *source);

#endif
