#include "queue.h"

void intake_list_init(struct intake_list *list)
{
    *list = (struct intake_list){.last = &list->first};
}

void intake_list_add(struct intake_list *list, struct intake *intake)
{
    intake->next = NULL;
    *list->last = intake;
    list->last = &intake->next;
    list->n++;
}

void intake_list_join(struct intake_list *list, struct intake_list *other)
{
    if (other->n == 0)
        return;
    *list->last = other->first;
    list->last = other->last;
    list->n += other->n;
    intake_list_init(other);
}

struct intake *intake_list_next(void *next)
{
    struct intake **at = next;
    struct intake *intake = *at;

    if (intake != NULL)
        *at = intake->next;
    return intake;
}

void intake_list_take(struct intake_list *out, struct intake_list *list, size_t max)
{
    intake_list_init(out);
    while (list->first != NULL && out->n < max) {
        struct intake *intake = list->first;

        list->first = intake->next;
        list->n--;
        intake_list_add(out, intake);
    }
    if (list->first == NULL)
        intake_list_init(list);
}

/*
 * The records of a link hang together by next. The first of them alone is in the queue's own list,
 * by next_source, and knows the last.
 */

void queue_init(struct queue *queue)
{
    *queue = (struct queue){.n = 0};
    intake_list_init(&queue->changes);
}

bool queue_is_same_source(const struct intake *a, const struct intake *b)
{
    return a->is_change == b->is_change &&
           (a->is_change || a->submission.link == b->submission.link);
}

/* Gives a link its turn after all others; ${first} is what waits of it. */
static void append_source(struct queue *queue, struct intake *first)
{
    first->next_source = NULL;
    if (queue->last != NULL)
        queue->last->next_source = first;
    else
        queue->first = first;
    queue->last = first;
}

static struct intake *drop_source(struct queue *queue)
{
    struct intake *first = queue->first;

    queue->first = first->next_source;
    if (queue->first == NULL)
        queue->last = NULL;
    return first;
}

/* Where the queue points to the first record of the same link; NULL: nothing waits of it. */
static struct intake **find_source(struct queue *queue, const struct intake *intake)
{
    struct intake **at = &queue->first;

    while (*at != NULL && !queue_is_same_source(*at, intake))
        at = &(*at)->next_source;
    return *at != NULL ? at : NULL;
}

void queue_add(struct queue *queue, struct intake *intake)
{
    struct intake **source;

    queue->n++;
    if (intake->is_change) {
        intake_list_add(&queue->changes, intake);
        return;
    }
    queue->bytes += intake->submission.packed.len;
    source = find_source(queue, intake);
    intake->next = NULL;
    if (source != NULL) {
        (*source)->last_of_source->next = intake;
        (*source)->last_of_source = intake;
    } else {
        intake->last_of_source = intake;
        append_source(queue, intake);
    }
}

void queue_join(struct queue *queue, struct intake_list *list)
{
    while (list->first != NULL) {
        struct intake *intake = list->first;

        list->first = intake->next;
        queue_add(queue, intake);
    }
    intake_list_init(list);
}

static void put_change_before(struct queue *queue, struct intake *intake)
{
    intake->next = queue->changes.first;
    if (queue->changes.first == NULL)
        queue->changes.last = &intake->next;
    queue->changes.first = intake;
    queue->changes.n++;
    queue->n++;
}

/* Puts ${intake} before all that waits of its link. */
static void put_before(struct queue *queue, struct intake *intake)
{
    struct intake **source = find_source(queue, intake);
    struct intake *old;

    if (intake->is_change) {
        put_change_before(queue, intake);
        return;
    }
    if (source == NULL) {
        queue_add(queue, intake);
        return;
    }
    queue->n++;
    queue->bytes += intake->submission.packed.len;
    old = *source;
    intake->next = old;
    intake->next_source = old->next_source;
    intake->last_of_source = old->last_of_source;
    *source = intake;
    if (queue->last == old)
        queue->last = intake;
}

void queue_put_back(struct queue *queue, struct intake_list *list)
{
    struct intake *reversed = NULL;

    while (list->first != NULL) {
        struct intake *intake = list->first;

        list->first = intake->next;
        intake->next = reversed;
        reversed = intake;
    }
    intake_list_init(list);
    while (reversed != NULL) {
        struct intake *intake = reversed;

        reversed = intake->next;
        put_before(queue, intake);
    }
}

/* One turn of the link that is first, of at most ${max} records. */
static void take_turn(struct intake_list *out, struct queue *queue, size_t max)
{
    struct intake *first = drop_source(queue);
    struct intake *last = first->last_of_source;
    size_t bytes = 0;

    for (size_t n = 0; first != NULL && n < max && bytes < QUEUE_TURN_BYTES; n++) {
        struct intake *intake = first;

        first = intake->next;
        bytes += intake->submission.packed.len;
        intake_list_add(out, intake);
        queue->n--;
    }
    queue->bytes -= bytes;
    if (first != NULL) {
        first->last_of_source = last;
        append_source(queue, first);
    }
}

void queue_take(struct intake_list *out, struct queue *queue, size_t max)
{
    intake_list_take(out, &queue->changes, max);
    queue->n -= out->n;
    while (queue->first != NULL && out->n < max)
        take_turn(out, queue, max - out->n < QUEUE_TURN ? max - out->n : QUEUE_TURN);
}

bool queue_may_wait(const struct queue *queue)
{
    return queue->changes.n == 0 && queue->first == queue->last && queue->n < QUEUE_WAIT &&
           queue->bytes < QUEUE_WAIT_BYTES;
}

bool queue_has_other(const struct queue *queue, const struct intake *intake)
{
    if (!intake->is_change && queue->changes.n > 0)
        return true;
    return queue->first != NULL &&
           (!queue_is_same_source(queue->first, intake) || queue->first != queue->last);
}
