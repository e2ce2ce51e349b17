#ifndef ERASURE_H
#define ERASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/kv.h"

/*
 * Sees to it that what left the store leaves its file, too (SPEC 7.2): by the loop's clock it finds
 * out when, and in the writer's thread has the file written anew, step by step, between
 * transactions. What is to be done stands in the store, so that a crash only delays it.
 */
struct erasure;

struct erasure_opts {
    struct kv *kv;
    uint32_t delay_ms;                            /* from the first erasure on; see ERASURE_LARGE */
    void (*wake)(void *ctx);                      /* the writer is to call erasure_work */
    uint64_t (*room)(void *ctx, uint64_t wanted); /* bytes that the disk has for a second file, when
                                                     so many are wanted; in the writer */
    bool (*swapping)(
        void *ctx); /* data.new is going to be data.mdb; in the writer. False: not now */
    void *ctx;
};

/* Writing more bytes than this anew takes a while: the delay is ERASURE_TIMES as long. */
#define ERASURE_LARGE (UINT64_C(256) << 20)
#define ERASURE_TIMES 60

struct erasure *erasure_new(const struct erasure_opts *opts);
void erasure_free(struct erasure *erasure);

/* On the loop. Something was ${written}, or erasure_work may have come to its end. True when the
 * file has just become clean. */
bool erasure_look(struct erasure *erasure, bool written, uint64_t now_ms, uint64_t calendar_ms);
uint64_t erasure_deadline(const struct erasure *erasure);
void erasure_tick(struct erasure *erasure, uint64_t now_ms);

/* The node stops: from now on erasure_work does at once all that there is to do. */
void erasure_finish(struct erasure *erasure);

/* Whether something that left the store may still be in its file: since when (calendar, ms), and
 * why that takes longer than it should, or NULL. */
bool erasure_is_due(const struct erasure *erasure, uint64_t *since_ms, const char **why);

/* In the writer: one step, between two transactions. False when there is nothing more to do. */
bool erasure_work(struct erasure *erasure);

#endif
