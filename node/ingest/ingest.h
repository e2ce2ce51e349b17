#ifndef INGEST_H
#define INGEST_H

#include <stdint.h>
#include <uv.h>

#include "core/core.h"
#include "ingest/intake.h"

/*
 * The one way in, with threads: records are verified in libuv's pool, in batches; one writer thread
 * commits whatever has gathered, at once when idle; then the loop is told. All functions on the
 * loop's thread.
 */
struct ingest;

struct ingest_opts {
    uv_loop_t *loop;
    struct kv *kv;
    /* Called on the loop for each record or change after its commit; intake_report is its work. */
    void (*reported)(void *ctx, struct intake *intake);
    /* Called after a number of those. */
    void (*settle)(void *ctx);
    void *ctx;
    /* Asked in the writer before each transaction. */
    enum room (*find_room)(void *ctx);
    /* In the writer, when withdrawals found no room: makes some. False when there is none to make.
     */
    bool (*make_room)(void *ctx);
    /* In the writer, between transactions, after ingest_work and before the end: a step of some
     * work in the store that takes long. False when there is nothing more to do. */
    bool (*work)(void *ctx);
};

/* NULL when memory is short or no thread can be had. */
struct ingest *ingest_new(const struct ingest_opts *opts);

/* Takes a record or a change over. Changes are written in the order in which they come. */
void ingest_record(struct ingest *ingest, const struct submission *submission);
void ingest_change(struct ingest *ingest, struct change *change);

/* Begins verifying what has gathered; to be called when no more comes for the moment. */
void ingest_flush(struct ingest *ingest);

/* There is something for work to do. */
void ingest_work(struct ingest *ingest);

/*
 * Writes what there is, ends the thread, and frees; nothing may be handed over any more. ${done} is
 * called on the loop when all outcomes were reported.
 */
void ingest_stop(struct ingest *ingest, void (*done)(void *ctx), void *ctx);

#endif
