#ifndef DUE_H
#define DUE_H

#include "kv.h"
#include "records.h"

/*
 * The current versions of this organisation's own stories by the day on which their consent is to
 * be asked again (SPEC 5.3, 7.2), so that its operator is told in time. Stories of the local scope
 * that name no such day are not among them. Errors stick in the transaction.
 */

/* ${record} has become, or is no longer, a current version. Others than own stories are ignored. */
void due_put(struct kv_txn *txn, const struct rp_record *record, const struct place *place);
void due_del(struct kv_txn *txn, const struct rp_record *record, const struct place *place);

/* The first 4 bytes of a key of KV_DUE, of the day ${date}, YYYY-MM-DD: 20281031. What is no date
 * is 0, before all others, as such a story is hidden. */
uint32_t due_day(struct rp_slice date);

#endif
