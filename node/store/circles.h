#ifndef CIRCLES_H
#define CIRCLES_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "rp/circle.h"

/*
 * Circles as the store knows them (SPEC 7.2). Each has a number, which stands for its scope in the
 * other tables.
 */
enum circle_state {
    CIRCLE_INVITED = 1, /* a member told us; nobody here has decided */
    CIRCLE_ACCEPTED = 2,
    CIRCLE_LEFT = 3,
};

struct circle_entry {
    uint32_t number;
    uint8_t id[RP_ID_LEN];
    enum circle_state state;
    uint64_t since; /* ms: when it came to this state */
    struct rp_slice issued;
};

/* The number of the circle ${id}, or 0. */
uint32_t circles_number(struct kv_txn *txn, const uint8_t id[static RP_ID_LEN]);

/* The number of any scope: the commons, what is local, a circle. False when there is no such circle
 * here. */
bool circles_scope_number(struct kv_txn *txn, const uint8_t scope[static RP_ID_LEN], uint32_t *out);

/* Reads one; issued is borrowed from the transaction. False when there is none. */
bool circles_load(struct kv_txn *txn, uint32_t number, struct circle_entry *out);

/* Writes one under its number, which whoever keeps the circles in memory gave it. */
void circles_save(struct kv_txn *txn, const struct circle_entry *entry);

/* Reads the circle at a walk's entry of KV_CIRCLE. False when it is damaged. */
bool circles_read(struct rp_slice key, struct rp_slice value, struct circle_entry *out);

#endif
