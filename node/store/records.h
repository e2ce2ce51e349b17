#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "kv.h"
#include "rp/record.h"

/*
 * Records and their indexes in the store (SPEC 7.2). Nothing here decides what may be stored: that
 * is ingest's part. Errors stick in the transaction.
 */

/* Where a record is and what is known about it without reading it. */
struct place {
    uint64_t seq;
    uint32_t org;   /* by number */
    uint32_t scope; /* by number */
    enum lane lane;
    uint64_t first_seen; /* ms; only from records_load */
};

/* A record that left the store because another withdraws it. */
struct erased {
    uint8_t symbol[RP_SYMBOL_LEN];
    struct place place;
};

/* The lane of a record, from its set and kind. */
enum lane records_lane(const struct rp_record *record);

/* Whether a record with this symbol is stored, and where. */
bool records_find(struct kv_txn *txn, const uint8_t symbol[static RP_SYMBOL_LEN],
                  struct place *out);

/* The same from a walk's entry of KV_SYMBOL. */
bool records_read_place(struct rp_slice value, struct place *out);

/* The packed record at ${seq}, borrowed from the transaction. False when there is none. */
bool records_load(struct kv_txn *txn, uint64_t seq, struct place *place, struct rp_slice *packed);

/* The same for the record of ${symbol}, as long as the disk has kept it to the bit. False, too,
 * when that is not known: of stores by early versions. */
bool records_load_checked(struct kv_txn *txn, uint64_t seq,
                          const uint8_t symbol[static RP_SYMBOL_LEN], struct place *place,
                          struct rp_slice *packed);

/* As records_load, opened. Close with rp_record_close. False, too, for one that the disk has
 * damaged. */
bool records_open(struct kv_txn *txn, uint64_t seq, struct place *place, struct rp_opened *out);

/*
 * Stores a record that is not stored yet, as of ${place}.org, scope and first_seen, and all its
 * index entries; sets the rest of ${place}.
 */
void records_insert(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                    struct place *place);

/* Whether the record at ${seq} is, to the bit, the one that was stored: its signature holds, and
 * its id is the one in the index. */
bool records_is_sound(struct kv_txn *txn, uint64_t seq);

/* Whether the record at ${seq} is a version of ${object}; also for a damaged one. */
bool records_is_version(struct kv_txn *txn, uint64_t seq, const uint8_t object[static RP_ID_LEN]);

/* Removes the record at ${seq}, damaged or not, and every entry about it; its symbol in ${symbol}.
 */
void records_erase(struct batch *batch, uint64_t seq, uint8_t symbol[static RP_SYMBOL_LEN]);

/* Whether ${record}, one that is or is to be stored, is replaced by a stored version. */
bool records_is_replaced(struct kv_txn *txn, const struct rp_record *record);

/* Keys, for walking an index with kv_first. */
struct kv_key records_author_prefix(uint32_t scope, enum lane lane);
struct kv_key records_author_key(uint32_t scope, enum lane lane, uint32_t org);
struct kv_key records_head_prefix(uint32_t scope, struct rp_slice kind);

/* What the keys of KV_OBJECT, KV_AUTHOR, KV_HEAD and KV_BACKLINK end in. */
uint64_t records_seq_of_key(struct rp_slice key);

#endif
