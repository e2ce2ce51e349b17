#ifndef SUCCESSION_H
#define SUCCESSION_H

#include "admit.h"
#include "store/chain.h"

/*
 * What a succession changes (SPEC 2.2): the chain of its organisation's keys, and by that which
 * records are of the organisation at all. Pure over the store; errors stick in the batch.
 */

/*
 * Whether ${record}, whose signature holds, is of the organisation: RP_OK, RP_ERR_KEY,
 * RP_ERR_DISOWNED. It follows from the record and the chain alone. RP_ERR_CORRUPT and RP_ERR_NOMEM
 * say nothing about the record.
 */
int succession_judge(const struct chain *chain, const struct rp_record *record)
    __attribute__((warn_unused_result));

/*
 * Admits a record that is meant as a succession of organisation ${org}, whose chain is ${chain}; it
 * is not stored yet. RP_OK: stored, and what is not of the organisation any more is gone. Else as
 * admit_record.
 */
int succession_admit(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                     struct chain *chain, struct admission *out)
    __attribute__((warn_unused_result));

/* admit.c */

/* Whether the teller whose story it is signed it, with the organisation's word for that key. */
bool admit_is_tellers(const struct rp_identity *identity, const struct rp_record *record);

/* Erases the record at ${seq}; what a withdrawal covered may be taken in again unless another
 * covers it, too. */
void admit_disown(struct batch *batch, uint64_t seq, struct admission *out);

#endif
