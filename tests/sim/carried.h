#ifndef CARRIED_H
#define CARRIED_H

#include "graph.h"
#include "world.h"

/* Records on their way through a federation: who has them, since when, and over how many hops they
 * really came, which need not be the shortest way. */
#define CARRIED_NOBODY UINT32_MAX

struct carried {
    const struct fact *fact; /* NULL: not published */
    unsigned from;
    uint64_t since;
    unsigned reached;  /* nodes */
    unsigned farthest; /* hops that it came to anybody */
    uint64_t half_ms;  /* until half of all had it */
    uint64_t last_ms;  /* until the last of those reached had it */
    unsigned n;
    unsigned *via;  /* by node: who handed it over first; CARRIED_NOBODY */
    unsigned *hops; /* by node; GRAPH_FAR: it is not there */
};

struct carriage {
    struct carried *items;
    unsigned n;
};

/* Watches ${world} for ${n} records, which are not published yet. */
void carriage_begin(struct carriage *carriage, struct world *world, unsigned n);
void carriage_free(struct carriage *carriage);

/* Publishes the ${i}th at a node. */
void carriage_publish(struct carriage *carriage, struct world *world, unsigned i, unsigned from);
/* What the node was handed over and has not stored is lost. */
void carriage_lost(struct carriage *carriage, unsigned node);

#endif
