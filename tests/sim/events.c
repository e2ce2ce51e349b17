#include "events.h"

#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
    struct event c = *a;

    *a = *b;
    *b = c;
}

void events_plan(struct events *events, struct event event)
{
    size_t i = events->n++;

    if (events->n > events->cap) {
        events->cap = events->cap > 0 ? 2 * events->cap : 1024;
        events->heap = realloc(events->heap, events->cap * sizeof *events->heap);
        if (events->heap == NULL)
            abort();
    }
    event.order = events->planned++;
    events->heap[i] = event;
    for (; i > 0 && is_before(&events->heap[i], &events->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&events->heap[i], &events->heap[(i - 1) / 2]);
}

bool events_next(struct events *events, struct event *out)
{
    size_t i = 0;

    if (events->n == 0)
        return false;
    *out = events->heap[0];
    events->heap[0] = events->heap[--events->n];
    for (;;) {
        size_t least = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < events->n; child++) {
            if (is_before(&events->heap[child], &events->heap[least]))
                least = child;
        }
        if (least == i)
            return true;
        swap(&events->heap[i], &events->heap[least]);
        i = least;
    }
}

uint64_t events_first_at(const struct events *events)
{
    return events->n > 0 ? events->heap[0].at : UINT64_MAX;
}

void events_free(struct events *events)
{
    free(events->heap);
}
