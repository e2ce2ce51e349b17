#ifndef ADMIT_H
#define ADMIT_H

#include <stdint.h>

#include "rp/record.h"
#include "store/batch.h"
#include "store/quota.h"
#include "store/records.h"

/*
 * The decision whether a verified record is stored, and what its arrival changes (SPEC 2.1, 2.4):
 * the heart of the one way in. Pure over the store, so that the node's writer thread and the
 * simulator run the same code.
 */

struct admission {
    struct place place;           /* where it is stored now, or was already; WITHDRAWN: its scope */
    struct waiting_entry waiting; /* with RP_ERR_QUOTA */
    uint64_t withdrawn_since;     /* with RP_ERR_WITHDRAWN: when the withdrawal came; 0: unknown */
    struct erased *erased;        /* what it withdrew or disowned; free with admit_free */
    uint32_t erased_n;
    bool chain_changed; /* a succession: the keys of place.org are others now */
    bool is_false;      /* a refused succession of place.org, by a key that may make none */
};

/*
 * Admits ${record}, whose signature was verified, at ${now_ms}. RP_OK: stored. Not stored, with the
 * batch still good: RP_ERR_EXISTS, RP_ERR_WITHDRAWN, RP_ERR_UNKNOWN_ORG (its organisation is not
 * accepted), RP_ERR_KEY (not a key of its organisation), RP_ERR_DISOWNED (by a key that was
 * replaced, and not stood by), RP_ERR_QUOTA (it waits for room, and is noted), RP_ERR_DENIED (of a
 * circle that was not accepted here, or left), RP_ERR_SHAPE (a scope that it cannot have, here).
 * Other errors are the batch's, and final for it.
 */
int admit_record(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                 uint64_t now_ms, struct admission *out) __attribute__((warn_unused_result));

void admit_free(struct admission *admission);

/* Remembers the symbol of a record of a later format version, so that it is not asked for again. */
void admit_later(struct batch *batch, const uint8_t id[static RP_ID_LEN], uint64_t now_ms);

#endif
