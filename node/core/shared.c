#include <string.h>

#include "beacons.h"
#include "circles.h"

/* What is compared on a link: the commons, and the circles that both sides are in. */

struct shared *shared_find(struct link *link, const uint8_t id[static RP_ID_LEN])
{
    struct shared *shared = &link->commons;

    while (shared != NULL && (shared->shut || memcmp(shared->scope->id, id, RP_ID_LEN) != 0))
        shared = shared->next;
    return shared;
}

struct shared *shared_by_number(struct link *link, uint32_t scope)
{
    struct shared *shared = &link->commons;

    while (shared != NULL && (shared->shut || shared->scope->number != scope))
        shared = shared->next;
    return shared;
}

bool shared_has(struct link *link, const struct place *place)
{
    const struct shared *shared = shared_by_number(link, place->scope);

    if (shared == &link->commons)
        return sets_is_shared(link, place->org, place->lane);
    return shared != NULL && shared->remote_in;
}

static void flush_announcements(struct link *link, struct shared *shared)
{
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        struct symbols *list = &shared->announce[set];
        size_t at = 0;

        while (at < list->n && link->state == LINK_OPEN) {
            size_t n = list->n - at;
            struct rp_have have = {.set = set};

            if (n > RP_SYMBOLS_MAX * RP_SYMBOL_LEN)
                n = RP_SYMBOLS_MAX * RP_SYMBOL_LEN;
            memcpy(have.scope, shared->scope->id, RP_ID_LEN);
            have.symbols = (struct rp_slice){list->data + at, n};
            rp_message_write_have(&link->writer, &have);
            link_send(link);
            at += n;
        }
        symbols_clear(list);
    }
}

void shared_announce(struct link *link)
{
    for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next)
        flush_announcements(link, shared);
}

struct shared *shared_next(struct link *link)
{
    struct shared *next = &link->commons;

    for (struct shared *shared = next->next; shared != NULL; shared = shared->next) {
        if (shared->next_check < next->next_check)
            next = shared;
    }
    return next;
}

void shared_told(struct shared *shared, uint64_t at_ms)
{
    if (shared->told_at == 0 || at_ms < shared->told_at)
        shared->told_at = at_ms;
}

void shared_met(struct link *link, struct shared *shared)
{
    bool is_news = !shared->remote_in;

    shared->remote_in = true;
    if (is_news && shared != &link->commons) {
        beacons_meet(link, shared);
        chains_meet(link, (const struct circle *)shared->scope);
    }
}
