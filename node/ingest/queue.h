#ifndef INGEST_QUEUE_H
#define INGEST_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake.h"

/*
 * What waits to be verified, or to be written, in turns: each link of which something waits has one
 * after the other, and own records count as those of one link more, so that a link that brings much
 * does not keep the others waiting. Of one link all come out in the order in which they went in.
 * Changes come out before everything that waits. Takes no lock; what is in it is its user's.
 */

/* A list that is added to at its end. */
struct intake_list {
    struct intake *first;
    struct intake **last;
    size_t n;
};

void intake_list_init(struct intake_list *list);
void intake_list_add(struct intake_list *list, struct intake *intake);
/* Moves all of ${other} to the end of ${list}. */
void intake_list_join(struct intake_list *list, struct intake_list *other);
/* Gives one after the other, as intake_write_from asks for them; ${next}: the first, to begin with
 */
struct intake *intake_list_next(void *next);
/* Takes up to ${max} from the front of ${list} into ${out}, which is begun anew. */
void intake_list_take(struct intake_list *out, struct intake_list *list, size_t max);

/* What of one link waits for more at most, both well under what one may have here. */
#define QUEUE_WAIT 1024
#define QUEUE_WAIT_BYTES (768u << 10)

#define QUEUE_TURN 8           /* records of one link in a turn, at most, and ... */
#define QUEUE_TURN_BYTES 16384 /* ... no more of them once they have so many bytes */

struct queue {
    struct intake_list changes;
    struct intake *first; /* the first of each link, in the order of their turns */
    struct intake *last;
    size_t n;     /* in all */
    size_t bytes; /* of the records, packed */
};

void queue_init(struct queue *queue);
void queue_add(struct queue *queue, struct intake *intake);
/* Moves all of ${list} into it. */
void queue_join(struct queue *queue, struct intake_list *list);
/* The same with what was taken from it last, and is to come out first of its links again. */
void queue_put_back(struct queue *queue, struct intake_list *list);

/* Takes up to ${max} into ${out}, which is begun anew, turn by turn. */
void queue_take(struct intake_list *out, struct queue *queue, size_t max);

/*
 * Whether what waits to be written may do so for more that is on its way: of one link alone, and
 * little. A transaction of many costs each of them less, and nobody else is kept waiting.
 */
bool queue_may_wait(const struct queue *queue);

/* Whether something waits that does not come from where ${intake} does. */
bool queue_has_other(const struct queue *queue, const struct intake *intake);
bool queue_is_same_source(const struct intake *a, const struct intake *b);

#endif
