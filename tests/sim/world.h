#ifndef WORLD_H
#define WORLD_H

#include <sodium.h>
#include <stdio.h>

#include "core/core.h"
#include "events.h"
#include "ingest/intake.h"
#include "plan.h"
#include "truth.h"

/*
 * A whole federation in one process: real cores, sessions, ingest and store logic; everything
 * around them made up: time, network, disks, randomness, all following from the seed. Cut by file:
 *     plan.c    what the run is like
 *     events.c  what is to happen when
 *     truth.c   what is so, found out without the code under test
 *     world.c   nodes: starting, stopping, their clocks and their way in
 *     wire.c    connections
 *     faults.c  what goes wrong
 *     load.c    what people do
 *     disputes.c  what they do about each other
 *     liar.c    what a lying node says
 *     rings.c   circles: what people say in them, and that it stays there
 *     tellers.c stories, and codes that take them back
 *     rotations.c  organisations that replace their keys
 *     quotas.c  what each organisation takes, and that it is not too much
 *     said.c    files written anew, and what nodes say and believe of that
 *     check.c   what must hold
 *     shown.c   what of it a node may show
 *     orders.c  the same records in another order
 */
#define LOG_HEADER 20 /* of a value in "log": first seen, organisation, scope, lane, unused */
#define WORLD_CALENDAR INT64_C(1795000000000) /* what the calendar says at time 0 */

/* Somebody, and the node they run. */
#define ROTATIONS_MAX 4
struct actor {
    unsigned number;
    bool liar;
    struct rp_key key;
    struct rp_key paper;
    struct rp_bytes successions[ROTATIONS_MAX];
    struct rp_dh_key noise;
    struct rp_bytes inception;
    struct rp_bytes proof;
    struct rp_bytes issued; /* the node's certificate */
    struct self self;

    struct kv *disk;
    struct kv *backup; /* an older state of the disk; NULL: none */
    size_t backup_kept;
    struct core *core; /* NULL: down */
    unsigned starts;
    unsigned epoch;         /* events of an earlier one mean nothing */
    int64_t calendar_ahead; /* of the steady clock */
    enum room room;
    uint64_t tick_at; /* the next one planned */

    struct intake **queue; /* waiting to be written */
    size_t queue_n;
    size_t queue_cap;
    struct intake **writing; /* written, and not reported yet */
    size_t writing_n;
    bool write_planned;
    bool out_of_step; /* a change was not stored: the core is ahead of its disk */

    /* What this node has promised to keep: ids, in the order of their acknowledgement. */
    uint8_t (*kept)[TRUTH_ID];
    size_t kept_n;
    size_t kept_cap;
    struct shelf withdrawals; /* that it ever stored */
    struct ledger *ledger;    /* of quotas.c; NULL: nothing was read */
    struct shelf honoured;    /* of these, those whose text it once had nothing left of */
    bool clean_planned;
};

struct figures {
    uint64_t events;
    uint64_t bytes;
    uint64_t chunks;
    uint64_t dials;
    uint64_t lies;
    uint64_t published;
    uint64_t withdrawn;
    uint64_t by_code; /* of these */
    uint64_t blocks;
    uint64_t circle_links;   /* for circles alone, counted at each look */
    uint64_t circle_beacons; /* of others, likewise */
    uint64_t circle_receipts;
    uint64_t rotations;
    uint64_t faults[FAULTS];
    uint64_t stored;
    uint64_t duplicates;
    uint64_t held_back;
    uint64_t healed_ms; /* until all agreed */
    uint64_t heard_ms;  /* and until all had heard so */
};

/* A circle that somebody made. */
#define RINGS_MAX 6
struct ring {
    uint8_t id[TRUTH_ID];
    uint8_t tail[32]; /* of its descriptor: what is found there is found nowhere else */
    uint64_t members; /* a bit for each actor, by number: there are no more than 64 then */
};

/* A story whose teller has the code, and has not used it yet. */
#define STORIES_MAX 32
struct story {
    uint8_t secret[16];
    const struct fact *fact;
};

struct world {
    struct plan plan;
    uint64_t now;
    struct events events;
    struct actor *actors;
    struct truth *truth;
    struct shelf shelf;     /* every content record of the commons ever written */
    struct shelf circled;   /* the same of circles */
    struct shelf withdrawn; /* those that were withdrawn, as a liar would keep them */
    struct ring rings[RINGS_MAX];
    size_t rings_n;
    struct story stories[STORIES_MAX];
    size_t stories_n;
    struct pipe *pipes;
    struct rp_rand net_rand;
    struct rp_rand fault_rand;
    struct rp_rand load_rand;
    struct rp_rand teller_rand;
    struct rp_rand lie_rand;
    struct rp_rand rotation_rand;
    struct rp_rand dispute_rand;
    struct rp_rand clean_rand;
    bool *deaf; /* [from * nodes + to]: nothing gets through */
    bool quiet; /* no faults and no lies any more */
    struct figures figures;
    crypto_generichash_state *trace;
    /* A record was handed over by a peer, and a record was stored; or NULL. */
    void (*came)(struct world *world, struct actor *actor, const struct actor *from,
                 const struct rp_bytes *packed);
    void (*stored)(struct world *world, struct actor *actor, const uint8_t *id);
    void *watcher;               /* whoever these are for */
    const struct actor *hearing; /* whose bytes are being read; NULL: nobody's */
    char failure[400];           /* the first invariant that did not hold */
};

/* Everybody's node runs, and nobody knows anybody. */
struct world *world_new(const struct plan *plan);
/* Makes the two peers of each other, in the manner of the plan. Both run. */
void world_join(struct world *world, struct actor *a, struct actor *b);
void world_free(struct world *world);

/* Lets everything happen up to ${until}, or to the first failure. */
void world_run(struct world *world, uint64_t until);

/* Notes that an invariant does not hold; the first one is kept. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format, ...);

/* Adds to the trace, whose hash tells whether two runs were the same. */
void world_trace(struct world *world, const char *what, uint64_t a, uint64_t b, const void *data,
                 size_t len);
void world_trace_hash(struct world *world, char out[static 33]);

void world_plan(struct world *world, uint64_t in_ms,
                void (*happen)(void *world, void *what, uint64_t detail), void *what,
                uint64_t detail);

void actor_start(struct world *world, struct actor *actor);
void actor_crash(struct world *world, struct actor *actor);
/* The same without a word: its connections stay as they are, and nothing comes over them. */
void actor_vanish(struct world *world, struct actor *actor);
/* Does all that the core asks for. To be called after whatever was done with it. */
void actor_settle(struct world *world, struct actor *actor);
struct actor *world_actor_of(const struct world *world, const uint8_t org[static TRUTH_ID]);
/* Hands over a record that its own operator wrote; takes it over. */
void actor_submit(struct world *world, struct actor *actor, struct rp_bytes *packed);
/* The node need not have that record any more. */
void actor_release(struct actor *actor, const uint8_t id[static TRUTH_ID]);
bool actor_is_idle(const struct actor *actor);
bool actor_holds(const struct world *world, const struct actor *actor, const struct fact *fact);

/* wire.c */
void wire_dial(struct world *world, struct actor *from, const uint8_t *org, const char *address);
void wire_wake(struct world *world, struct actor *actor, struct link *link);
void wire_close(struct world *world, struct actor *actor, struct link *link);
void wire_actor_gone(struct world *world, struct actor *actor);
void wire_actor_silent(struct world *world, struct actor *actor);
/* It is there again, and knows nothing of its connections of before. */
void wire_actor_back(struct world *world, struct actor *actor);
void wire_sweep(struct world *world);        /* frees connections that are over */
void wire_forget(const struct event *event); /* frees a call that will not be made */
void wire_free(struct world *world);
bool wire_hears(const struct world *world, unsigned from, unsigned to);

/* faults.c */
void faults_begin(struct world *world);
void faults_end(struct world *world);

/* load.c */
void load_begin(struct world *world);
const struct fact *load_publish(struct world *world, struct actor *actor);

/* disputes.c */
void disputes_begin(struct world *world);

/* liar.c: whose mouth it is that sends now; NULL: an honest one's. */
void liar_speaks(struct world *world, struct actor *actor);
uint64_t liar_frames(void);   /* sent by anybody, lies or not */
uint64_t liar_payloads(void); /* records in them */

void load_write(struct world *world, struct actor *actor, const uint8_t *scope);
void load_withdraw(struct world *world, struct actor *actor, const struct fact *fact);

/* tellers.c */
void tellers_act(struct world *world, struct actor *actor);

/* rings.c */
void rings_act(struct world *world, struct actor *actor);
const struct ring *rings_find(const struct world *world, const uint8_t id[static TRUTH_ID]);
/* A frame goes to a node of ${org}: nothing in it may be of a circle that it is not in. */
void rings_overhear(struct world *world, const uint8_t org[static TRUTH_ID], struct rp_slice frame);
/* What is compared on the node's links, and what it keeps of beacons, is for members alone. */
void rings_check(struct world *world, const struct actor *actor);
/* Whether one of the two knows where to call the other for their circles alone. */
bool rings_can_call(const struct world *world, unsigned a, unsigned b);

/* rotations.c; whether it follows as many of an organisation's successions as it holds */
void rotations_begin(struct world *world);
void rotations_check(struct world *world, const struct actor *actor, const uint8_t *org,
                     unsigned held);

/* quotas.c */
void quotas_check(struct world *world, struct actor *actor);
/* The bytes that count of an organisation, by its number at that node: as it says, and as they are.
 */
void quotas_check_bytes(struct world *world, const struct actor *actor, uint32_t org,
                        uint64_t bytes);
void quotas_forget(struct actor *actor); /* its disk is another */
/* Faults are over: waits until all are in step, and then makes room for everything. */
void quotas_end(struct world *world);

/* said.c */
/* Something was written: what was erased of it is to leave the file, too. */
void said_written(struct world *world, struct actor *actor);
/* Notes what the node honours by now; to be called before its disk loses any of that. */
void said_note(struct world *world, struct actor *actor);
void said_check(struct world *world);
/* Whether all honest nodes have heard how the others are; ${why} says who has not. */
bool said_converged(struct world *world, char *why, size_t why_len);

/* check.c */
void check_actor(struct world *world, struct actor *actor);
void check_all(struct world *world);
/* Whether all honest nodes hold what they should; ${why}, if given, says what is missing. */
bool check_converged(struct world *world, char *why, size_t why_len);

/* shown.c: whether the node shows those of the ${stories} that it may, and no others. */
void shown_check(struct world *world, const struct actor *actor, const struct shelf *stories);

/* orders.c: no order of arrival may change what a node ends up with. */
void check_orders(struct world *world);

#endif
