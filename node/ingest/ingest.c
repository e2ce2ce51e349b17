#include "ingest.h"

#include <stdlib.h>

#include "clock.h"
#include "rp/err.h"

#define VERIFY_EACH 32  /* records in one piece of work for the pool */
#define WRITE_EACH 4096 /* at most in one transaction */

/* A list that is added to at its end. */
struct list {
    struct intake *first;
    struct intake **last;
    size_t n;
};

/* A piece of work for the pool. */
struct work {
    uv_work_t request;
    struct ingest *ingest;
    struct list list;
};

struct ingest {
    struct ingest_opts opts;
    struct list gathered; /* not yet given to the pool */
    size_t verifying;     /* pieces of work in the pool */
    uv_async_t wake_loop;
    uv_thread_t writer;
    bool stopping;
    void (*done)(void *ctx);
    void *done_ctx;

    uv_mutex_t lock; /* guards the rest */
    uv_cond_t wake_writer;
    struct list to_write;
    struct list written;
    bool work_due;
    bool end_writer;
    bool writer_ended;
};

static void list_init(struct list *list)
{
    *list = (struct list){.last = &list->first};
}

static void list_add(struct list *list, struct intake *intake)
{
    intake->next = NULL;
    *list->last = intake;
    list->last = &intake->next;
    list->n++;
}

static void list_join(struct list *list, struct list *other)
{
    if (other->n == 0)
        return;
    *list->last = other->first;
    list->last = other->last;
    list->n += other->n;
    list_init(other);
}

/* Takes up to ${max} from the front. */
static void list_take(struct list *out, struct list *list, size_t max)
{
    list_init(out);
    while (list->first != NULL && out->n < max) {
        struct intake *intake = list->first;

        list->first = intake->next;
        list->n--;
        list_add(out, intake);
    }
    if (list->first == NULL)
        list_init(list);
}

/* The writer's thread */

/* Withdrawals are taken in as long as there is any way to. */
static void write_withdrawals(struct ingest *ingest, struct intake **items, size_t n)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        if (items[i]->err == RP_ERR_FULL && intake_withdraws(items[i]))
            items[left++] = items[i];
    }
    if (left == 0 || !ingest->opts.make_room(ingest->opts.ctx))
        return;
    for (size_t i = 0; i < left; i++)
        items[i]->err = RP_OK;
    intake_write(ingest->opts.kv, items, left, ROOM_FOR_WITHDRAWALS, clock_calendar());
}

static void write_list(struct ingest *ingest, struct list *list)
{
    struct intake **items = malloc(list->n * sizeof *items);
    size_t n = 0;

    for (struct intake *intake = list->first; intake != NULL; intake = intake->next) {
        if (items == NULL)
            intake->err = RP_ERR_NOMEM;
        else
            items[n++] = intake;
    }
    if (n > 0) {
        intake_write(ingest->opts.kv, items, n, ingest->opts.find_room(ingest->opts.ctx),
                     clock_calendar());
        write_withdrawals(ingest, items, n);
    }
    free(items);
}

/* Both with the lock held, which they give up meanwhile. */

static void write_next(struct ingest *ingest)
{
    struct list list;

    list_take(&list, &ingest->to_write, WRITE_EACH);
    uv_mutex_unlock(&ingest->lock);
    write_list(ingest, &list);
    uv_mutex_lock(&ingest->lock);
    list_join(&ingest->written, &list);
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

static void write_until_ended(void *arg)
{
    struct ingest *ingest = arg;

    uv_mutex_lock(&ingest->lock);
    while (!ingest->end_writer || ingest->to_write.n > 0 || ingest->work_due) {
        bool idle = ingest->to_write.n == 0 && !ingest->work_due;

        if (idle)
            uv_cond_wait(&ingest->wake_writer, &ingest->lock);
        if (ingest->to_write.n > 0)
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
    struct list list;
    bool ended;

    uv_mutex_lock(&ingest->lock);
    list_take(&list, &ingest->written, SIZE_MAX);
    ended = ingest->writer_ended;
    uv_mutex_unlock(&ingest->lock);
    while (list.first != NULL) {
        struct intake *intake = list.first;

        list.first = intake->next;
        ingest->opts.reported(ingest->opts.ctx, intake);
        intake_free(intake);
    }
    ingest->opts.settle(ingest->opts.ctx);
    if (ended && !uv_is_closing((uv_handle_t *)async)) {
        uv_thread_join(&ingest->writer);
        uv_close((uv_handle_t *)async, freed);
    }
}

static void hand_to_writer(struct ingest *ingest, struct list *list)
{
    uv_mutex_lock(&ingest->lock);
    list_join(&ingest->to_write, list);
    if (ingest->stopping && ingest->verifying == 0)
        ingest->end_writer = ingest->work_due = true;
    uv_cond_signal(&ingest->wake_writer);
    uv_mutex_unlock(&ingest->lock);
}

struct ingest *ingest_new(const struct ingest_opts *opts)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);

    if (ingest == NULL)
        goto err0;
    ingest->opts = *opts;
    list_init(&ingest->gathered);
    list_init(&ingest->to_write);
    list_init(&ingest->written);
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

static void verify(uv_work_t *request)
{
    struct work *work = (struct work *)request;

    for (struct intake *intake = work->list.first; intake != NULL; intake = intake->next)
        intake_verify(intake);
}

static void verified(uv_work_t *request, int status)
{
    struct work *work = (struct work *)request;
    struct ingest *ingest = work->ingest;

    (void)status; /* nothing is ever cancelled */
    ingest->verifying--;
    hand_to_writer(ingest, &work->list);
    free(work);
}

void ingest_flush(struct ingest *ingest)
{
    while (ingest->gathered.n > 0) {
        struct work *work = calloc(1, sizeof *work);

        if (work == NULL)
            return; /* tried again at the next flush */
        work->ingest = ingest;
        list_take(&work->list, &ingest->gathered, VERIFY_EACH);
        ingest->verifying++;
        (void)uv_queue_work(ingest->opts.loop, &work->request, verify, verified);
    }
}

void ingest_record(struct ingest *ingest, const struct submission *submission)
{
    struct intake *intake = intake_record(submission);

    if (intake == NULL) {
        struct intake lost = {.submission = *submission, .err = RP_ERR_NOMEM};

        ingest->opts.reported(ingest->opts.ctx, &lost);
        core_submission_free(&lost.submission);
        return;
    }
    list_add(&ingest->gathered, intake);
    if (ingest->gathered.n >= VERIFY_EACH)
        ingest_flush(ingest);
}

void ingest_change(struct ingest *ingest, struct change *change)
{
    struct intake *intake = intake_change(change);
    struct list list;

    if (intake == NULL) {
        struct intake lost = {.is_change = true, .change = change, .err = RP_ERR_NOMEM};

        ingest->opts.reported(ingest->opts.ctx, &lost);
        return;
    }
    list_init(&list);
    list_add(&list, intake);
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
    struct list none;

    ingest->stopping = true;
    ingest->done = done;
    ingest->done_ctx = ctx;
    ingest_flush(ingest);
    list_init(&none);
    hand_to_writer(ingest, &none);
}
