#ifndef INTAKE_H
#define INTAKE_H

#include <stdint.h>

#include "admit.h"
#include "core/core.h"

/*
 * The one way in, step by step, without threads: a record from wherever, or a change of the core's,
 * is verified, written with others in one transaction, and reported to the core. The node runs the
 * steps in its pool, its writer and its loop; the simulator one after the other.
 */
struct intake {
    struct intake *next;           /* the owner's, as the next three: see queue.c */
    struct intake *next_source;    /* what waits of another link */
    struct intake *last_of_source; /* what waits last of this one */
    void *data;
    bool is_change;
    struct submission submission;
    struct change *change;

    int err;                 /* from verifying, then from writing */
    struct rp_opened opened; /* valid after verifying, when err was RP_OK */
    bool id_known;           /* opened.record.id is that of a valid record */
    struct admission admission;
};

/* NULL when memory is short; the submission or change is then freed or lost by the caller. */
struct intake *intake_record(const struct submission *submission); /* takes packed over */
struct intake *intake_change(struct change *change);               /* takes change over */
void intake_free(struct intake *intake);

/* Unpacks, checks and verifies a record. ${codecs} may be NULL: see codec.h. Any thread. */
void intake_verify(struct intake *intake, struct rp_codecs *codecs);

/*
 * What the disk has room for. Nearly full it still takes what makes room, or keeps others from
 * harm: withdrawals above all, other control records, and changes of peers and trust.
 */
enum room { ROOM_FOR_ALL, ROOM_FOR_CONTROL, ROOM_FOR_WITHDRAWALS, ROOM_FOR_NOTHING };

/* Whether it is a record that withdraws something. */
bool intake_withdraws(const struct intake *intake);

/*
 * Writes, in one transaction, those of ${n} that there is room for; the others are RP_ERR_FULL.
 * Afterwards the err of each says what became of it; when the transaction failed, nothing was
 * written and all have its error.
 */
void intake_write(struct kv *kv, struct intake **items, size_t n, enum room room, uint64_t now_ms);

/*
 * The same with what ${next} gives until that is NULL, which may come in meanwhile. Gives what
 * became of the transaction: when it failed, all that ${next} gave is to be failed with that, and
 * there may have been more.
 */
int intake_write_from(struct kv *kv, struct intake *(*next)(void *ctx), void *ctx, enum room room,
                      uint64_t now_ms) __attribute__((warn_unused_result));
void intake_fail(struct intake *intake, int err);

/* Tells the core what became of it. A change goes back to the core, the rest stays. */
void intake_report(struct core *core, struct intake *intake, uint64_t now_ms);

#endif
