#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/rand.h"

/*
 * What a run is like. Everything but the options follows from the seed: each seed also draws which
 * faults there are and how often, so that a rare mixture of them is somebody's ordinary case.
 * Times in ms, odds in millionths.
 */
enum fault {
    FAULT_CRASH,     /* a node ends at once: what was not committed is lost */
    FAULT_PARTITION, /* two groups cannot hear each other for a while */
    FAULT_ONE_WAY,   /* one node cannot be heard by another */
    FAULT_FULL,      /* a node's disk takes nothing for a while */
    FAULT_COMMIT,    /* a commit fails */
    FAULT_ROT,       /* a bit of a stored record turns over */
    FAULT_CALENDAR,  /* a calendar is set, by up to a year either way */
    FAULT_BACKUP,    /* a copy of a node's store is put aside */
    FAULT_RESTORE,   /* a node goes on from that copy */
    FAULTS,
};

struct plan {
    uint64_t seed;
    unsigned nodes; /* the liars among them */
    unsigned liars;
    uint64_t length; /* of the part with faults */
    unsigned records;
    unsigned degree;        /* peers of each node, about */
    bool invites;           /* people join by invites, and vouch; else all accept by hand */
    bool circles;           /* people make circles, and speak in them */
    unsigned disputes;      /* acts of vouching, blocking, pausing, and the contrary */
    bool tellers;           /* stories have tellers, who take them back by their codes */
    unsigned restless;      /* of a hundred acts, those that make or end a friendship besides */
    uint32_t fault[FAULTS]; /* odds a node and minute */
    uint32_t cut;           /* odds a chunk: the connection ends in the middle of it */
    uint32_t lost;          /* odds a chunk: it is not there, as when a broken box forgets it */
    uint32_t doubled;
    uint32_t swapped;
    uint32_t flipped;
    uint32_t lies; /* odds a frame of a liar's */
    uint64_t latency;
    uint64_t uneven; /* more latency, up to that: each connection has its own */
    uint64_t jitter;
    uint64_t bytes_per_ms;
    uint64_t write_ms; /* until a commit, at most */
    uint64_t report_ms;
    uint32_t check_ms;
    uint32_t depth;     /* of trust */
    unsigned rotations; /* how often an organisation replaces its key */
    bool silent;        /* no beacons are made */
    uint64_t quota;     /* bytes; 0: none. Until the end: then there is room for all */
};

struct plan_opts {
    uint64_t seed;
    unsigned nodes;   /* 0: drawn */
    unsigned hours;   /* 0: drawn */
    unsigned records; /* 0: drawn */
};

void plan_draw(struct plan *plan, const struct plan_opts *opts);

/* A generator for one purpose, so that one does not disturb the others. */
void plan_rand(struct rp_rand *out, uint64_t seed, const char *purpose);

/* True as often as the odds say. */
#define PLAN_ODDS 1000000
int plan_happens(struct rp_rand *rand, uint32_t odds);

#endif
