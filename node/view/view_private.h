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

/* A record's content with its binaries as hex. */
void put_content(struct rp_writer *w, const char *key, struct rp_slice content);

/* Opens a stored record. One that is damaged is passed over; without memory the answer is an error.
 */
bool view_open_record(struct kv_txn *txn, struct rp_slice packed, struct rp_opened *out);

/* Whether a view may show the record: accepted, and consent has not lapsed. */
bool view_may_show(const struct view_source *source, const struct rp_record *record,
                   const struct place *place);

/* Whether it may also stand on a public page, or in a file that leaves the node: not local, and a
 * story only when its consent covers the public web. */
bool view_may_publish(const struct view_source *source, const struct rp_record *record,
                      const struct place *place);

/* keys.c: "organisations", whose keys are not as they were at first, and a word for our own. */
void put_organisations(struct rp_writer *w, const struct view_source *source);
const char *own_key_word(const struct view_source *source);

/* "commons" or "local". */
const char *view_audience(uint32_t scope);

#endif
