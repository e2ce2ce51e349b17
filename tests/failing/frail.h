#ifndef FRAIL_H
#define FRAIL_H

#include "core/core.h"
#include "store/kv.h"
#include "unit/sample.h"

/*
 * Two nodes over stores in memory, joined by a queue of bytes, as support/mesh.h has them, but the
 * cores' own allocations may fail: whatever a core is asked for is asked with failing switched on,
 * and what it then refuses is dealt with as the node does. Node 0 listens at "0:1", 1 at "1:1".
 */
struct frail_pipe {
    struct link *link[2]; /* of the dialling node and the other; NULL once closed */
    unsigned node[2];
    struct rp_bytes queue[2]; /* bytes on the way to each */
    bool ending[2];
    struct frail_pipe *next;
};

struct frail_node {
    struct sample_org org;
    struct rp_dh_key noise;
    struct rp_bytes proof;
    struct rp_bytes issued;
    struct self self;
    struct kv *kv;
    struct core *core; /* NULL: down */
    unsigned starts;
};

struct frail {
    uint64_t now;
    struct frail_node nodes[2];
    struct frail_pipe *pipes;
    uint32_t scrub_ms; /* for those that are started; 0: never */
};

/* Stores in memory whose transactions, once aborted, leave no trace even without memory. */
struct kv *frail_kv_new(void);

/* Neither is started. Their stores are empty, or as those of ${like}, if not NULL. */
void frail_init(struct frail *frail, const struct frail *like);
void frail_free(struct frail *frail);

/* Starts node ${i}; gives the error when it does not come up. */
int frail_start(struct frail *frail, unsigned i);
void frail_stop(struct frail *frail, unsigned i);

/* Lets ${ms} pass, everything happening on the way. */
void frail_run(struct frail *frail, uint64_t ms);

/* Hands a packed record to a node; takes it over. Gives the outcome. */
int frail_submit(struct frail *frail, unsigned i, struct rp_bytes *packed);

/* Joins node 1 to node 0. Gives the first error. */
int frail_join(struct frail *frail);

bool frail_equal(const struct frail *frail);
uint64_t frail_count(const struct frail *frail, unsigned i, enum rp_set set);

#endif
