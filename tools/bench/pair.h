#ifndef PAIR_H
#define PAIR_H

#include "core/core.h"
#include "store/kv.h"

/*
 * Two nodes in this process that are peers: the shipped cores over LMDB stores of their own, joined
 * by one link whose bytes are carried by hand, so that they can be counted. The first one dials.
 * Both accept a third organisation, whose records are those that are compared; a fourth one only
 * the first accepts.
 *
 * The records compared are rows in the indexes and nothing else: no text, no signature. They are
 * never sent, and what is compared is their symbols.
 */
enum pair_org { PAIR_SHARED, PAIR_EXCLUDED, PAIR_ORGS };

struct pair_self {
    struct rp_key key;
    struct rp_dh_key noise;
    struct rp_bytes inception;
    struct rp_bytes issued;
    struct rp_bytes proof;
    struct self self;
};

struct pair_side {
    struct pair_self own;
    struct kv *kv;
    struct core *core;
    struct link *link;
    uint32_t orgs[PAIR_ORGS]; /* by number in the store */
    double start_cpu;         /* s, of starting with the records that are there */
    uint64_t bytes;           /* sent, as on the wire */
    uint64_t messages;        /* ... in so many Noise messages */
    double cpu;               /* s */
};

struct pair {
    char folder[256];
    uint64_t now;
    struct pair_side sides[2];
};

/* Two stores with ${records} of the shared organisation in both, at even numbers, and ${excluded}
 * of the other in the first. The nodes are linked, and in step. */
void pair_open(struct pair *pair, uint64_t records, uint64_t excluded, uint64_t seed);
void pair_close(struct pair *pair);

/* A row in the indexes, and in the set in memory; or not any more. Adding gives the CPU of what is
 * done in memory, s. */
struct pair_row {
    uint64_t seq;
    uint8_t symbol[RP_SYMBOL_LEN];
};
double pair_add(struct pair *pair, unsigned side, const struct pair_row *rows, size_t n);
void pair_remove(struct pair *pair, unsigned side, const struct pair_row *rows, size_t n);

/* Carries everything that ${from} has to say to the other side; true when that was anything. */
bool pair_carry(struct pair *pair, unsigned from);

/* Both ways, until neither has anything to say. */
void pair_settle(struct pair *pair);

/* As pair_carry, without turning requests that wait into answers. */
bool pair_carry_queued(struct pair *pair, unsigned from);

/* Lets the first side compare with the other now. */
void pair_compare(struct pair *pair);

/* Sets all counts back to 0. */
void pair_reset(struct pair *pair);

#endif
