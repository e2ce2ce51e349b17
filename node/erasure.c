#include "erasure.h"

#include <stdlib.h>
#include <uv.h>

#include "log.h"
#include "rp/err.h"
#include "store/erasing.h"
#include "store/kv_lmdb.h"
#include "store/records.h"

#define STEP_BYTES (4u << 20) /* copied or overwritten between two transactions */
#define RETRY_MS 1000         /* after a failure, at least */

enum phase { PHASE_IDLE, PHASE_COPY, PHASE_WIPE };

struct erasure {
    struct erasure_opts opts;

    /* of the loop */
    bool due; /* the store says so */
    uint64_t since_ms;
    uint64_t at;  /* when the writer is to be woken; UINT64_MAX: not planned */
    int last_err; /* of the last try */

    /* of the writer */
    enum phase phase;
    uint64_t times; /* the store's count of erasures when the copy began */
    bool gave_up;   /* while finishing */

    uv_mutex_t lock; /* guards the rest */
    bool wanted;     /* by the loop */
    bool finishing;
    bool ended; /* the writer is done, with: */
    int err;
};

struct erasure *erasure_new(const struct erasure_opts *opts)
{
    struct erasure *e = calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->opts = *opts;
    e->at = UINT64_MAX;
    if (uv_mutex_init(&e->lock) != 0) {
        free(e);
        return NULL;
    }
    return e;
}

void erasure_free(struct erasure *e)
{
    if (e == NULL)
        return;
    uv_mutex_destroy(&e->lock);
    free(e);
}

/* On the loop */

static uint64_t delay_of(const struct erasure *e)
{
    uint64_t delay = e->opts.delay_ms;

    return kv_lmdb_bytes(e->opts.kv) > ERASURE_LARGE ? delay * ERASURE_TIMES : delay;
}

/* Whether something is to be erased, and since when: the withdrawal that did it is the record
 * before. */
static bool read_due(struct erasure *e, uint64_t calendar_ms)
{
    struct erasing erasing;
    struct rp_slice packed;
    struct place place;
    struct kv_txn *txn;
    bool due;
    int err;

    if ((txn = kv_begin(e->opts.kv, false, &err)) == NULL)
        return e->due;
    due = erasing_load(txn, &erasing);
    if (due && !e->due) {
        e->since_ms = calendar_ms;
        if (erasing.first > 0 && records_load(txn, erasing.first - 1, &place, &packed))
            e->since_ms = place.first_seen;
    }
    kv_abort(txn);
    return due;
}

bool erasure_look(struct erasure *e, bool written, uint64_t now_ms, uint64_t calendar_ms)
{
    bool was_due = e->due;
    bool running;
    bool ended;

    uv_mutex_lock(&e->lock);
    ended = e->ended;
    e->ended = false;
    if (ended)
        e->last_err = e->err;
    running = e->wanted;
    uv_mutex_unlock(&e->lock);
    if (!written && !ended)
        return false;
    e->due = read_due(e, calendar_ms);
    if (!e->due || running) {
        e->at = UINT64_MAX;
        return was_due && !e->due;
    }
    if (ended && e->last_err != RP_OK) {
        uint64_t delay = delay_of(e);

        e->at = now_ms + (delay > RETRY_MS ? delay : RETRY_MS);
    } else if (!was_due || ended) {
        e->at = now_ms + delay_of(e);
    }
    return false;
}

uint64_t erasure_deadline(const struct erasure *e)
{
    return e->at;
}

void erasure_tick(struct erasure *e, uint64_t now_ms)
{
    if (now_ms < e->at)
        return;
    e->at = UINT64_MAX;
    uv_mutex_lock(&e->lock);
    e->wanted = true;
    uv_mutex_unlock(&e->lock);
    e->opts.wake(e->opts.ctx);
}

void erasure_finish(struct erasure *e)
{
    uv_mutex_lock(&e->lock);
    e->finishing = true;
    uv_mutex_unlock(&e->lock);
}

bool erasure_is_due(const struct erasure *e, uint64_t *since_ms, const char **why)
{
    *since_ms = e->since_ms;
    *why = e->last_err == RP_OK         ? NULL
           : e->last_err == RP_ERR_FULL ? "there is no room on the disk to write the store anew"
                                        : rp_err_text(e->last_err);
    return e->due;
}

/* In the writer */

static void end(struct erasure *e, int err)
{
    e->phase = PHASE_IDLE;
    uv_mutex_lock(&e->lock);
    e->gave_up = e->finishing && err != RP_OK;
    if (err != RP_OK && err != e->err)
        log_line(LOG_ERROR,
                 "what was withdrawn is still in the store's file: writing it anew "
                 "failed (%s). It is tried again",
                 rp_err_text(err));
    e->wanted = false;
    e->ended = true;
    e->err = err;
    uv_mutex_unlock(&e->lock);
}

static int load_erasing(struct erasure *e, bool *due, struct erasing *out)
{
    struct kv_txn *txn;
    int err;

    *due = false;
    if ((txn = kv_begin(e->opts.kv, false, &err)) == NULL)
        return err;
    *due = erasing_load(txn, out);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

static bool begin(struct erasure *e)
{
    struct erasing erasing;
    uint64_t bytes;
    bool due;
    int err = load_erasing(e, &due, &erasing);

    if (err != RP_OK || !due) {
        end(e, err);
        return false;
    }
    e->times = erasing.times;
    bytes = kv_lmdb_bytes(e->opts.kv);
    if (bytes > ERASURE_LARGE)
        log_line(LOG_INFO, "the store is written anew, without what was withdrawn");
    if (e->opts.room(e->opts.ctx, bytes) < bytes)
        err = RP_ERR_FULL;
    else
        err = kv_lmdb_copy_begin(e->opts.kv);
    if (err != RP_OK) {
        end(e, err);
        return false;
    }
    e->phase = PHASE_COPY;
    return true;
}

static bool copy(struct erasure *e)
{
    bool done;
    int err = kv_lmdb_copy_step(e->opts.kv, STEP_BYTES, &done);

    if (err == RP_OK && done)
        err = e->opts.swapping(e->opts.ctx) ? kv_lmdb_copy_swap(e->opts.kv) : RP_ERR_IO;
    if (err != RP_OK) {
        kv_lmdb_copy_end(e->opts.kv);
        end(e, err);
        return false;
    }
    if (done)
        e->phase = PHASE_WIPE;
    return true;
}

/* The file holds nothing but what is stored, unless something was erased meanwhile. */
static int take_note(struct erasure *e)
{
    struct kv_key key = batch_meta_key(META_ERASING);
    struct erasing erasing;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(e->opts.kv, true, &err)) == NULL)
        return err;
    if (erasing_load(txn, &erasing) && erasing.times == e->times)
        kv_del(txn, KV_META, kv_key_slice(&key));
    return kv_commit(txn);
}

static bool wipe(struct erasure *e)
{
    bool done;
    int err = kv_lmdb_copy_wipe(e->opts.kv, STEP_BYTES, &done);

    if (err != RP_OK) /* it has no name any more, which is what counts */
        log_line(LOG_INFO, "the store's old file was removed, but could not be overwritten");
    if (!done)
        return true;
    end(e, take_note(e));
    return !e->gave_up; /* while finishing, there may be more */
}

bool erasure_work(struct erasure *e)
{
    bool wanted;

    uv_mutex_lock(&e->lock);
    wanted = e->wanted || (e->finishing && !e->gave_up);
    uv_mutex_unlock(&e->lock);
    switch (e->phase) {
    case PHASE_COPY:
        return copy(e);
    case PHASE_WIPE:
        return wipe(e);
    case PHASE_IDLE:
        break;
    }
    return wanted && begin(e);
}
