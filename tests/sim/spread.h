#ifndef SPREAD_H
#define SPREAD_H

#include "graph.h"
#include "world.h"

/*
 * A federation that is as large as we hope for, in which nothing lies and no message is lost:
 *     spread.c          its options, and how it begins
 *     spread_records.c  how a record gets to everybody
 *     spread_stopped.c  the same when many nodes stop at once
 *     spread_beacons.c  what it costs that each hears how all others are
 *     spread_plant.c    bugs that it is to notice
 *     graph.c           who knows whom
 *     carried.c         which way records went
 */
#define SPREAD_SETTLE (3 * UINT64_C(60000))
#define SPREAD_RECORDS 10 /* published at as many places */

enum shape { SHAPE_TOWNS, SHAPE_REGULAR, SHAPE_CLUSTERED };

struct spread {
    enum shape shape;
    struct world *world;
    struct graph graph;
    bool failed; /* something did not hold, and was said */
};

/* Everybody's node runs, and calls those it knows. */
void spread_begin(struct spread *spread, const struct plan *plan);
void spread_end(struct spread *spread);
/* All accept every ${nth} node, and all is compared. */
void spread_accept_each(struct spread *spread, unsigned nth);
/* Says what does not hold. */
__attribute__((format(printf, 2, 3))) void spread_fail(struct spread *spread, const char *format,
                                                       ...);
/* How long a message takes from one to another, in words. */
const char *spread_apart(const struct plan *plan);
/* Of so many records, since ${before} were sent: a node is to get each about once. Gives how many
 * it was. */
double spread_payloads(struct spread *spread, uint64_t before, unsigned records);

/* Each measures, prints, and says what does not hold. */
void spread_records(struct spread *spread, const struct plan *plan);
void spread_stopped(struct spread *spread, const struct plan *plan, bool silently);
void spread_beacons(struct spread *spread, const struct plan *plan, uint64_t hours);

/* Bugs between a function and its callers, as in plant.h: false when there is no such bug; NULL
 * after the last name. */
bool spread_plant(const char *name);
const char *spread_plant_name(unsigned i);

#endif
