#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "core_private.h"

/*
 * How two nodes find out by what they differ (SPEC 4.3). exchange.c begins and ends what we
 * compare, and goes through lists; cells.c reads sketches; answer.c answers when the other side
 * compares. For files of core/ alone.
 */

/* exchange.c: what follows from what cells.c finds out */
void exchange_list(struct link *link, uint64_t now_ms);
/* Offers symbols that only we have, as far as one exchange goes. */
int exchange_offer(struct link *link, struct symbols *held);
/* Notes, of symbols that the other side has, what is not here. */
int exchange_want(struct link *link, struct rp_slice theirs);
/* That was all: the difference is known whole. */
void exchange_found(struct link *link, uint64_t now_ms);

/*
 * cells.c. Reading a large difference takes long. It is done in slices: the first when cells come,
 * each further one in a turn of its own, one link after the other. Slices end by what was done, not
 * by a clock.
 */
int cells_receive_sketch(struct link *link, const struct rp_part *part, uint64_t now_ms);
int cells_receive(struct link *link, const struct rp_part *part, uint64_t now_ms);
/* Whether there is a slice to be done: core_tick is to be called at once. */
bool cells_due(const struct link *link);
void cells_tick(struct core *core, uint64_t now_ms);
void cells_free(struct exchange *x);

/* answer.c */
int answer_check(struct link *link, const struct rp_check *check, uint64_t now_ms);
int answer_more(struct link *link, const struct rp_part *part);
void answer_close(struct link *link);

#endif
