#ifndef QUOTA_H
#define QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "kv.h"
#include "records.h"

/*
 * What each organisation takes of the store, what it may take, and what of it waits for room (SPEC
 * 6.1). All organisations that are reached through one peer, the root, share a quota. Only records
 * of the commons count. Errors stick in the transaction.
 */
struct usage {
    uint64_t bytes;   /* of packed records stored now, but for lasting control records */
    uint64_t taken;   /* such records ever taken in */
    uint64_t lasting; /* lasting control records ever taken in, but for those that made room */
    uint32_t root;    /* organisation whose quota it shares; 0: it is not bounded */
};
void usage_load(struct kv_txn *txn, uint32_t org, struct usage *out);

struct quota {
    uint64_t bytes; /* of all that share it */
    uint64_t share; /* that each may have; QUOTA_UNSHARED: the quota is enough for all */
    uint64_t size;
};
#define QUOTA_UNSHARED UINT64_MAX
void quota_load(struct kv_txn *txn, uint32_t root, struct quota *out);

/* Sets whose quota an organisation shares; what it stores is counted there from now on. */
void usage_set_root(struct kv_txn *txn, uint32_t org, uint32_t root);

/* Sets what a quota is, and how it is shared. */
void quota_set(struct kv_txn *txn, uint32_t root, uint64_t share, uint64_t size);

/* One of these, for CHANGE_QUOTAS: of an organisation, or (is_root) of the quota of a peer. */
struct quota_row {
    uint32_t org;
    bool is_root;
    uint32_t root;
    uint64_t share;
    uint64_t size;
};

/* A record has come, or (${gone}) went. */
void usage_count(struct kv_txn *txn, const struct place *place, uint64_t bytes, bool gone);

/* A lasting record was taken in that makes no room. */
void usage_count_lasting(struct kv_txn *txn, uint32_t org);

/* Whether there is room for ${bytes} more of an organisation. */
bool usage_has_room(struct kv_txn *txn, const struct usage *usage, uint64_t bytes);

/* The room that is left: for an organisation with ${bytes}, and in its quota as a whole. */
uint64_t quota_room(const struct quota *quota, uint64_t bytes);
uint64_t quota_room_in_all(const struct quota *quota);

/* How many such records may have been taken in at ${now} from an organisation that was first
 * accepted at ${since} (ms): as many as others, and 100 a day. */
uint64_t usage_lasting_max(const struct usage *usage, uint64_t since, uint64_t now);

/* A record that waits: noted, so that it is not fetched again and again to learn whose it is. */
struct waiting_entry {
    uint8_t symbol[RP_SYMBOL_LEN];
    uint32_t org;
    enum lane lane;
    uint32_t bytes; /* packed; of lasting records 0: they wait for their day, not for room */
    uint8_t object[RP_SYMBOL_LEN]; /* how the id of its object begins */
};

/* Notes one; at so many all are forgotten, which are noted again when they come again. */
#define WAITING_MAX 131072
void waiting_save(struct kv_txn *txn, const struct waiting_entry *entry);

/* Forgets one; harmless when it is not noted. */
void waiting_remove(struct kv_txn *txn, const uint8_t symbol[static RP_SYMBOL_LEN]);

/* Reads a walk's entry of KV_WAITING. False when it is damaged. */
bool waiting_read(struct rp_slice key, struct rp_slice value, struct waiting_entry *out);

#endif
