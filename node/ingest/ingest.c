#include "ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "clock.h"
#include "queue.h"
#include "rp/err.h"

#define VERIFY_EACH 16            /* records in one piece of work for the pool, ... */
#define VERIFY_BYTES (256u << 10) /* ... no more of them once so much was unpacked */
#define PIECES_MAX 16             /* in the pool: what keeps it busy while the loop is elsewhere */
#define OPENED_MAX (4u << 20)     /* bytes unpacked and not yet written: no more pieces meanwhile */
#define WRITE_TAKE 32             /* taken from the queue at a time, within a transaction */
#define WRITE_EACH 4096           /* in one transaction, at most ... */
#define WRITE_SHARED 128 /* ... when there is something of another link, which waits for it */
#define GIVE_WAY 5       /* how much nicer the pool's threads are */
#define REPORT_EACH 128  /* told the core of in one turn of the loop */

/* A piece of work for the pool. What it is about is settled when its turn has come. */
struct piece {
    uv_work_t request;
    struct ingest *ingest;
    bool busy;
    struct intake_list list; /* no more than VERIFY_EACH */
    struct intake_list left; /* for another piece */
};

struct ingest {
    struct ingest_opts opts;
    struct piece pieces[PIECES_MAX];
    size_t opened; /* bytes of what was verified and not reported */
    int priority;  /* of the pool's threads; a higher number gives way */
    uv_async_t wake_loop;
    uv_thread_t writer;
    bool stopping;
    void (*done)(void *ctx);
    void *done_ctx;

    uv_mutex_t lock; /* guards the rest */
    uv_cond_t wake_writer;
    struct queue gathered; /* to be verified, and not yet taken for it */
    unsigned pieces_due;   /* in the pool, and not yet begun */
    struct queue to_write;
    struct intake_list written;
    bool verifying; /* a piece is in the pool */
    bool work_due;
    bool end_writer;
    bool writer_ended;
};

/* The writer's thread */

/* What goes into one transaction. */
struct transaction {
    struct ingest *ingest;
    struct intake_list taken;
    struct intake_list next; /* from the queue, and not in it yet */
    bool is_shared;          /* by several sources, or others wait */
};

static void put_back(struct transaction *transaction)
{
    struct ingest *ingest = transaction->ingest;

    uv_mutex_lock(&ingest->lock);
    queue_put_back(&ingest->to_write, &transaction->next);
    uv_mutex_unlock(&ingest->lock);
}

static void take_next(struct transaction *transaction)
{
    struct ingest *ingest = transaction->ingest;
    const struct intake *first = transaction->taken.first;

    uv_mutex_lock(&ingest->lock);
    queue_take(&transaction->next, &ingest->to_write, WRITE_TAKE);
    first = first != NULL ? first : transaction->next.first;
    transaction->is_shared |= first != NULL && queue_has_other(&ingest->to_write, first);
    uv_mutex_unlock(&ingest->lock);
    for (const struct intake *intake = transaction->next.first; intake != NULL;
         intake = intake->next)
        transaction->is_shared |= !queue_is_same_source(intake, first);
}

/*
 * What comes in while a transaction is being written goes into it, too. It is the longer the better
 * for the disk, but as soon as somebody waits beside the one who brings much it has its end.
 */
static struct intake *next_to_write(void *ctx)
{
    struct transaction *transaction = ctx;
    size_t max = transaction->is_shared ? WRITE_SHARED : WRITE_EACH;
    struct intake_list one;
    struct intake *intake;

    if (transaction->next.n == 0 && transaction->taken.n < max)
        take_next(transaction);
    intake_list_take(&one, &transaction->next, 1);
    intake = one.first;
    intake_list_join(&transaction->taken, &one);
    return intake;
}

static void fail_list(const struct intake_list *list, int err)
{
    for (struct intake *intake = list->first; intake != NULL; intake = intake->next)
        intake_fail(intake, err);
}

/* Moves withdrawals that found no room to ${out}. */
static void take_withdrawals(struct intake_list *out, struct intake_list *list)
{
    struct intake_list all;
    struct intake_list one;

    intake_list_init(out);
    intake_list_init(&all);
    intake_list_join(&all, list);
    while (all.n > 0) {
        intake_list_take(&one, &all, 1);
        if (one.first->err == RP_ERR_FULL && intake_withdraws(one.first))
            intake_list_join(out, &one);
        else
            intake_list_join(list, &one);
    }
}

/* Withdrawals are taken in as long as there is any way to. */
static void write_withdrawals(struct ingest *ingest, struct intake_list *list)
{
    struct intake_list again;
    struct intake *next;
    int err;

    take_withdrawals(&again, list);
    if (again.n > 0 && ingest->opts.make_room(ingest->opts.ctx)) {
        for (struct intake *intake = again.first; intake != NULL; intake = intake->next)
            intake->err = RP_OK;
        next = again.first;
        err = intake_write_from(ingest->opts.kv, intake_list_next, &next, ROOM_FOR_WITHDRAWALS,
                                clock_calendar());
        if (err != RP_OK)
            fail_list(&again, err);
    }
    intake_list_join(list, &again);
}

/* Writes one transaction: what was in it is in ${taken}. */
static void write_transaction(struct transaction *transaction)
{
    struct ingest *ingest = transaction->ingest;
    enum room room = ingest->opts.find_room(ingest->opts.ctx);
    int err =
        intake_write_from(ingest->opts.kv, next_to_write, transaction, room, clock_calendar());

    if (err != RP_OK && transaction->taken.n == 0) /* it could not even be begun */
        (void)next_to_write(transaction);
    if (err != RP_OK)
        fail_list(&transaction->taken, err);
    if (transaction->next.n > 0)
        put_back(transaction);
    write_withdrawals(ingest, &transaction->taken);
}

/* Both with the lock held, which they give up meanwhile. */

static void write_next(struct ingest *ingest)
{
    struct transaction transaction = {.ingest = ingest};

    intake_list_init(&transaction.taken);
    intake_list_init(&transaction.next);
    uv_mutex_unlock(&ingest->lock);
    write_transaction(&transaction);
    uv_mutex_lock(&ingest->lock);
    intake_list_join(&ingest->written, &transaction.taken);
    uv_async_send(&ingest->wake_loop);
}

static void work_on(struct ingest *ingest)
{
    bool more;

    ingest->work_due = false;
    uv_mutex_unlock(&ingest->lock);
    more = ingest->opts.work(ingest->opts.ctx);
    uv_mutex_lock(&ingest->lock);
    ingest->work_due |= more;
    if (!more)
        uv_async_send(&ingest->wake_loop);
}

/* What is in the pool will be here soon; when nothing is there, nobody knows when more comes. */
static bool is_worth_writing(const struct ingest *ingest)
{
    return ingest->to_write.n > 0 && (!ingest->verifying || !queue_may_wait(&ingest->to_write));
}

static void write_until_ended(void *arg)
{
    struct ingest *ingest = arg;

    uv_mutex_lock(&ingest->lock);
    while (!ingest->end_writer || ingest->to_write.n > 0 || ingest->work_due) {
        if (!is_worth_writing(ingest) && !ingest->work_due)
            uv_cond_wait(&ingest->wake_writer, &ingest->lock);
        if (is_worth_writing(ingest))
            write_next(ingest);
        if (ingest->work_due && (ingest->to_write.n == 0 || !ingest->end_writer))
            work_on(ingest);
    }
    ingest->writer_ended = true;
    uv_async_send(&ingest->wake_loop);
    uv_mutex_unlock(&ingest->lock);
}

/* The loop's thread */

static void freed(uv_handle_t *handle)
{
    struct ingest *ingest = handle->data;

    uv_mutex_destroy(&ingest->lock);
    uv_cond_destroy(&ingest->wake_writer);
    if (ingest->done != NULL)
        ingest->done(ingest->done_ctx);
    free(ingest);
}

static void report(uv_async_t *async)
{
    struct ingest *ingest = async->data;
    struct intake_list list;
    bool ended;

    uv_mutex_lock(&ingest->lock);
    intake_list_take(&list, &ingest->written, REPORT_EACH);
    if (ingest->written.n > 0)
        uv_async_send(async); /* the others at the next turn: first the loop looks elsewhere */
    ended = ingest->writer_ended && ingest->written.n == 0;
    uv_mutex_unlock(&ingest->lock);
    while (list.first != NULL) {
        struct intake *intake = list.first;

        list.first = intake->next;
        ingest->opened -= intake->opened.body.len;
        ingest->opts.reported(ingest->opts.ctx, intake);
        intake_free(intake);
    }
    ingest->opts.settle(ingest->opts.ctx);
    ingest_flush(ingest);
    if (ended && !uv_is_closing((uv_handle_t *)async)) {
        uv_thread_join(&ingest->writer);
        uv_close((uv_handle_t *)async, freed);
    }
}

static bool is_verifying(const struct ingest *ingest)
{
    for (int i = 0; i < PIECES_MAX; i++) {
        if (ingest->pieces[i].busy)
            return true;
    }
    return false;
}

static void hand_to_writer(struct ingest *ingest, struct intake_list *list)
{
    uv_mutex_lock(&ingest->lock);
    queue_join(&ingest->to_write, list);
    ingest->verifying = is_verifying(ingest);
    if (ingest->stopping && !ingest->verifying && ingest->gathered.n == 0)
        ingest->end_writer = ingest->work_due = true;
    uv_cond_signal(&ingest->wake_writer);
    uv_mutex_unlock(&ingest->lock);
}

/*
 * The threads of the pool have work enough to keep all processors busy, for as long as a cold sync
 * takes: they give way to the loop, which has little to do for everybody, and to the writer, for
 * which many wait. A thread's own in Linux, whatever POSIX says of processes.
 */
static int find_priority(void)
{
    int now;

    errno = 0;
    now = getpriority(PRIO_PROCESS, 0);
    return now == -1 && errno != 0 ? 0 : now + GIVE_WAY;
}

struct ingest *ingest_new(const struct ingest_opts *opts)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);

    if (ingest == NULL)
        goto err0;
    ingest->opts = *opts;
    ingest->priority = find_priority();
    queue_init(&ingest->gathered);
    queue_init(&ingest->to_write);
    intake_list_init(&ingest->written);
    if (uv_mutex_init(&ingest->lock) != 0)
        goto err1;
    if (uv_cond_init(&ingest->wake_writer) != 0)
        goto err2;
    if (uv_async_init(opts->loop, &ingest->wake_loop, report) != 0)
        goto err3;
    ingest->wake_loop.data = ingest;
    if (uv_thread_create(&ingest->writer, write_until_ended, ingest) != 0)
        goto err4;
    return ingest;

err4:
    uv_close((uv_handle_t *)&ingest->wake_loop, freed);
    return NULL;
err3:
    uv_cond_destroy(&ingest->wake_writer);
err2:
    uv_mutex_destroy(&ingest->lock);
err1:
    free(ingest);
err0:
    return NULL;
}

/* In the pool. What unpacks to much is not all unpacked at once. */
static void verify(uv_work_t *request)
{
    struct piece *piece = (struct piece *)request;
    struct ingest *ingest = piece->ingest;
    struct rp_codecs *codecs = rp_codecs_new(); /* without: each by itself, which is slower */
    struct intake_list all;
    size_t opened = 0;

    (void)setpriority(PRIO_PROCESS, 0, ingest->priority); /* as well as it can be had */
    uv_mutex_lock(&ingest->lock);
    ingest->pieces_due--;
    queue_take(&all, &ingest->gathered, VERIFY_EACH);
    uv_mutex_unlock(&ingest->lock);
    intake_list_init(&piece->list);
    intake_list_init(&piece->left);
    for (struct intake *next = all.first; next != NULL;) {
        struct intake *intake = next;

        next = intake->next;
        if (opened < VERIFY_BYTES) {
            intake_verify(intake, codecs);
            opened += intake->opened.body.len;
            intake_list_add(&piece->list, intake);
        } else {
            intake_list_add(&piece->left, intake);
        }
    }
    rp_codecs_free(codecs);
}

static void verified(uv_work_t *request, int status)
{
    struct piece *piece = (struct piece *)request;
    struct ingest *ingest = piece->ingest;
    struct intake_list list;

    (void)status; /* nothing is ever cancelled */
    for (const struct intake *intake = piece->list.first; intake != NULL; intake = intake->next)
        ingest->opened += intake->opened.body.len;
    uv_mutex_lock(&ingest->lock);
    queue_put_back(&ingest->gathered, &piece->left);
    uv_mutex_unlock(&ingest->lock);
    intake_list_init(&list);
    intake_list_join(&list, &piece->list);
    piece->busy = false;
    ingest_flush(ingest); /* first: the writer is to know whether more is on its way */
    hand_to_writer(ingest, &list);
}

/* One piece more is due, if there is more to be verified than those will take that have not begun;
 * whether it is. */
static bool announce_piece(struct ingest *ingest)
{
    bool more;

    uv_mutex_lock(&ingest->lock);
    more = ingest->gathered.n > (size_t)ingest->pieces_due * VERIFY_EACH;
    ingest->pieces_due += more;
    ingest->verifying |= more;
    uv_mutex_unlock(&ingest->lock);
    return more;
}

void ingest_flush(struct ingest *ingest)
{
    for (int i = 0; i < PIECES_MAX && ingest->opened < OPENED_MAX; i++) {
        struct piece *piece = &ingest->pieces[i];

        if (piece->busy)
            continue;
        if (!announce_piece(ingest))
            return;
        piece->busy = true;
        piece->ingest = ingest;
        (void)uv_queue_work(ingest->opts.loop, &piece->request, verify, verified);
    }
}

void ingest_record(struct ingest *ingest, const struct submission *submission)
{
    struct intake *intake = intake_record(submission);
    size_t gathered;

    if (intake == NULL) {
        struct intake lost = {.submission = *submission, .err = RP_ERR_NOMEM};

        ingest->opts.reported(ingest->opts.ctx, &lost);
        core_submission_free(&lost.submission);
        return;
    }
    uv_mutex_lock(&ingest->lock);
    queue_add(&ingest->gathered, intake);
    gathered = ingest->gathered.n;
    uv_mutex_unlock(&ingest->lock);
    if (gathered >= VERIFY_EACH)
        ingest_flush(ingest);
}

void ingest_change(struct ingest *ingest, struct change *change)
{
    struct intake *intake = intake_change(change);
    struct intake_list list;

    if (intake == NULL) {
        struct intake lost = {.is_change = true, .change = change, .err = RP_ERR_NOMEM};

        ingest->opts.reported(ingest->opts.ctx, &lost);
        return;
    }
    intake_list_init(&list);
    intake_list_add(&list, intake);
    hand_to_writer(ingest, &list);
}

void ingest_work(struct ingest *ingest)
{
    uv_mutex_lock(&ingest->lock);
    ingest->work_due = true;
    uv_cond_signal(&ingest->wake_writer);
    uv_mutex_unlock(&ingest->lock);
}

void ingest_stop(struct ingest *ingest, void (*done)(void *ctx), void *ctx)
{
    struct intake_list none;

    ingest->stopping = true;
    ingest->done = done;
    ingest->done_ctx = ctx;
    ingest_flush(ingest);
    intake_list_init(&none);
    hand_to_writer(ingest, &none);
}
