#ifndef AUDIT_H
#define AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "rp/bytes.h"
#include "rp/hash.h"

/*
 * The log of what the operator did about others (SPEC 7.4): who was made a peer, vouched for,
 * blocked, and why. It never leaves the node. An entry is packed where the act is decided and
 * appended in the transaction that carries the act out, so that neither is there without the other.
 */
#define AUDIT_BECAUSE_MAX 1000 /* bytes of a reason */

struct audit_entry {
    uint64_t at;      /* ms */
    const char *what; /* a word such as "block" */
    /* What of the following is known; the rest is NULL. */
    const uint8_t *org;    /* RP_ID_LEN */
    const uint8_t *object; /* RP_ID_LEN */
    const uint8_t *node;   /* RP_KEY_LEN */
    const char *name;
    const char *because;
};

/* The entry as it is stored. Free with rp_bytes_free. */
int audit_pack(struct rp_bytes *out, const struct audit_entry *entry)
    __attribute__((warn_unused_result));

/* Appends a packed entry; nothing when it is empty. Errors stick in the transaction. */
void audit_append(struct kv_txn *txn, struct rp_slice packed);

/* Reads an entry as stored; ${details} is a map, borrowed from ${value}. False when damaged. */
struct audit_read {
    uint64_t at;
    struct rp_slice what;
    struct rp_slice details;
};
bool audit_read(struct rp_slice value, struct audit_read *out);

#endif
