#ifndef CORE_BEACONS_H
#define CORE_BEACONS_H

/*
 * Beacons (SPEC 3.7), those of the commons and of each circle by themselves, shared by
 *     beacons.c   those of all nodes: kept, stored, shown
 *     spread.c    the same on links: told of, sent, judged when they come
 *     beacon.c    our own: when it is made, and of what
 *     receipts.c  which withdrawals a node has, by the digest that its beacon tells
 */

#include "core_private.h"
#include "rp/beacon.h"

#define BEACONS_MAX 4096
#define BEACONS_EACH_MAX 16 /* nodes of one organisation */
#define BEACON_KEEP_MS (UINT64_C(14) * 24 * 3600 * 1000)
#define BEACON_AHEAD_MS (UINT64_C(24) * 3600 * 1000)
#define BEACON_BURST 8            /* of one node in a row, and then ... */
#define BEACON_EACH_MS 2000       /* ... one in so long */
#define BEACONS_BAD_MAX 16        /* on one link, before it is ended */
#define BEACON_SAVE_MS 60000      /* how stale those in the store may be */
#define BEACON_AGAIN_MS 600000    /* before a link is asked again for what was not taken */
#define BEACON_SETTLE_MS 1000     /* after a change, and more for each node known: */
#define BEACON_SPREAD_MS 20       /* ... at random up to so much */
#define BEACON_GAP_MS 5000        /* between two of our own, and more for each node known: */
#define BEACON_GAP_EACH_MS 100    /* ... so much */
#define BEACON_EVERY_MS 3600000   /* with nothing new, and more for each node known: */
#define BEACON_EVERY_EACH_MS 5000 /* ... so much */
#define BEACON_OVERTAKE_MS 600000 /* between two beacons that overtake one of our own */

/* A node, by its slot: links queue slots. */
struct beacon {
    bool used;
    bool unsaved;
    uint8_t key[RP_KEY_LEN];
    uint32_t org;
    uint64_t time;     /* it says */
    uint64_t received; /* by the calendar */
    uint64_t since;    /* by the steady clock: when it came, or what we lack was missing first */
    uint64_t credit_at;
    uint32_t credit;
    struct rp_bytes sealed;
    char *name; /* by its certificate */
};

/* An organisation's withdrawals in the order in which they came, each with the digest of all up to
 * it. */
struct history_entry {
    uint64_t seq;
    uint8_t digest[RP_HASH_LEN];
};
struct history {
    uint64_t walked; /* records up to here were looked at */
    bool due;
    uint32_t n;
    uint32_t cap;
    struct history_entry *entries;
    struct rp_fingerprint sum;
};

/* Of one scope. */
struct beacons {
    struct core *core;
    const struct scope *scope;
    const struct circle *circle; /* NULL: the commons */
    struct beacon *slots;
    uint32_t slots_n; /* of these some are free */
    uint32_t n;       /* known */
    struct table *by_key;
    uint64_t save_at;
    uint64_t sweep_at;
    uint64_t changes; /* of anything, so far */

    /* Our own */
    uint64_t due;       /* UINT64_MAX: we make none */
    bool due_anyway;    /* also when it says nothing new */
    uint64_t made_at;   /* by the steady clock; 0: not yet */
    uint64_t renew_at;  /* when it is made anyway */
    uint64_t last_time; /* the latest told by any */
    bool by_clock;      /* the next one is of our clock, be it behind that */
    uint64_t overtaken_at;
    bool full; /* the store, as we are told */

    struct history *histories; /* by the organisation's number, or its place among the members */
    uint32_t histories_n;

    /* What core_receipts gave last */
    struct core_receipt *receipts;
    uint32_t receipts_org;
    uint32_t receipts_n;
    uint64_t receipts_at; /* changes then */
};

/* For the rest of core/ */

/* beacons.c */
int beacons_load(struct core *core, uint64_t now_ms);
void beacons_free(struct core *core);
/* Stores those that are not. */
void beacons_save(struct core *core);
uint64_t beacons_deadline(const struct core *core);
void beacons_tick(struct core *core, uint64_t now_ms);
/* There is no link with the peer any more, or not yet: it may be where its nodes said last. */
void beacons_follow(struct core *core, struct peer *peer, uint64_t now_ms);
/* The circle is compared from now on, or not any more: what was kept of its beacons goes. */
void beacons_open(struct core *core, struct circle *circle, uint64_t now_ms);
void beacons_close(struct core *core, struct circle *circle);
/* Others are accepted than before: what was told of their nodes is out of date. */
void beacons_others_accepted(struct core *core);
/* The organisation's keys are others now. */
void beacons_rekeyed(struct core *core, uint32_t org);
/* spread.c */
/* The other side is in the circle, too: it is told which beacons we have. */
void beacons_meet(struct link *link, struct shared *shared);
/* The other side's lists are known, or have changed: it accepts these from now on. */
void beacons_lists(struct link *link, struct rp_slice accepted);
int beacons_receive(struct link *link, int type, struct rp_slice frame, uint64_t now_ms);
void beacons_continue(struct link *link);
void beacons_link_tick(struct link *link, uint64_t now_ms);

/* beacon.c: something that our own tell may have changed, in all scopes. */
void beacons_touched(struct core *core, uint64_t now_ms);

/* A record came, or (${removed}) went, on which beacons of its scope may depend. */
void beacons_recorded(struct core *core, const struct place *place, bool removed, uint64_t now_ms);

/* Among these files */

/* beacons.c */
struct beacons *beacons_of(const struct core *core, const struct scope *scope);
/* NULL: none are kept of that scope. */
struct beacons *beacons_by_number(const struct core *core, uint32_t scope);
/* All of them in turn: the first, or those after ${b}; NULL at the end. */
struct beacons *beacons_next(const struct core *core, const struct beacons *b);
struct beacon *beacons_find(const struct beacons *b, const uint8_t key[static RP_KEY_LEN]);
/* Whether beacons of the organisation's nodes count: it is accepted, or in the circle. */
bool beacons_is_heard(const struct beacons *b, uint32_t org);
/* Takes note of the beacon of a node called ${name}, which holds; copies ${sealed}. NULL: there is
 * no room. */
struct beacon *beacons_put(struct beacons *b, const struct rp_beacon *beacon, const char *name,
                           struct rp_slice sealed, uint64_t now_ms);
/* Whether it is of an organisation that is heard, and not too old. */
bool beacons_is_shown(const struct beacons *b, const struct beacon *beacon, uint64_t now_ms);
/* Whether it is further ahead of our clock, or behind it, than others take beacons. */
bool beacons_is_ahead(const struct core *core, uint64_t time, uint64_t now_ms);
bool beacons_is_too_old(const struct core *core, uint64_t time, uint64_t now_ms);
/* Whether the node's certificate is by the key that is its organisation's today. */
bool beacons_hold_today(const struct core *core, uint32_t org,
                        const struct rp_certificate *certificate);
/* What is held here of an organisation's own records. */
void beacons_org_tally(const struct beacons *b, uint32_t org, enum rp_set set,
                       struct rp_tally *out);

/* spread.c */
/* Queues it for every link that may have it, but ${except} (NULL: none). */
void beacons_spread(const struct beacons *b, const struct beacon *beacon,
                    const struct link *except);

/* Asks all others for what they have, after a while. */
void beacons_ask_again(const struct beacons *b, uint64_t now_ms);

/* beacon.c */
void beacon_start(struct beacons *b, uint64_t now_ms);
/* Something that our own tells may have changed. */
void beacon_touch(struct beacons *b, uint64_t now_ms);
/* Makes our own when it is due. */
void beacon_tick(struct beacons *b, uint64_t now_ms);
/* Makes it anew, though it says nothing new. */
void beacon_renew(struct beacons *b, uint64_t now_ms);
/* Whether the last should have been followed by another long ago: our calendar was behind then, and
 * others, who have an earlier one with a later time, have not taken it. */
bool beacon_is_late(const struct beacons *b, const struct beacon *mine, uint64_t now_ms);
/* Somebody has a later one of ours than we remember. */
void beacon_overtake(struct beacons *b, uint64_t time, uint64_t now_ms);

/* receipts.c */
void receipts_free(struct beacons *b);
/* A lasting control record of the organisation came, or (${removed}) went. */
void receipts_touched(struct beacons *b, uint32_t org, bool removed);
/* Records up to which number are clean in ${txn}: nothing of what they withdraw is left in files.
 */
uint64_t receipts_clean(struct kv_txn *txn);
/* Brings the histories up to date with the store. */
int receipts_refresh(struct beacons *b, struct kv_txn *txn);
/* How many organisations there may be histories of, and which the ${i}th is of. */
uint32_t receipts_orgs(const struct beacons *b);
uint32_t receipts_org(const struct beacons *b, uint32_t i);
/* Withdrawals of the ${i}th up to record ${seq}; false when there are none. */
bool receipts_tally(const struct beacons *b, uint32_t i, uint64_t seq, struct rp_tally *out,
                    uint64_t *newest);

#endif
