#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is to happen, in order of time and, at one time, of planning. Zero-initialise. */
struct event {
    uint64_t at; /* ms */
    uint64_t order;
    void (*happen)(void *world, void *what, uint64_t detail);
    void *what;
    uint64_t detail;
};

struct events {
    struct event *heap;
    size_t n;
    size_t cap;
    uint64_t planned;
};

void events_plan(struct events *events, struct event event);
bool events_next(struct events *events, struct event *out);
uint64_t events_first_at(const struct events *events); /* UINT64_MAX when there are none */
void events_free(struct events *events);

#endif
