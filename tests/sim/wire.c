#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "world.h"

/*
 * Connections as TCP would carry them: bytes in order, late, cut off at any place; and sometimes,
 * as through a broken box on the way, not as they were sent.
 */
#define WINDOW (256u << 10) /* bytes on the way before a sender must wait */
#define CHUNK_MAX 16384
#define STUCK_RETRY 200 /* ms until bytes that cannot get through are tried again */
#define DIAL_TIMEOUT 10000

struct chunk {
    struct chunk *next;
    uint64_t at;
    size_t len;
    uint8_t data[];
};

/* One end of a connection and what is on its way there. */
struct end {
    struct actor *actor;
    unsigned epoch;
    struct link *link; /* NULL: closed here */
    struct pipe *pipe;
    struct chunk *first;
    struct chunk **last;
    size_t on_the_way;
    uint64_t last_at;
    bool planned;  /* a delivery is */
    bool closing;  /* when all is sent */
    bool finished; /* nothing more will come */
};

struct pipe {
    struct end end[2];
    uint64_t latency;
    struct pipe *next;
};

static struct end *other(struct end *end)
{
    return &end->pipe->end[end == &end->pipe->end[0]];
}

bool wire_hears(const struct world *world, unsigned from, unsigned to)
{
    return !world->deaf[from * world->plan.nodes + to];
}

static void deliver(void *context, void *what, uint64_t detail);

static void plan_delivery(struct world *world, struct end *end, uint64_t in_ms)
{
    if (end->planned)
        return;
    end->planned = true;
    world_plan(world, in_ms, deliver, end, 0);
}

static void drop_chunks(struct end *end)
{
    while (end->first != NULL) {
        struct chunk *chunk = end->first;

        end->first = chunk->next;
        free(chunk);
    }
    end->last = &end->first;
    end->on_the_way = 0;
}

/* This side is closed; the other hears of it after what is on its way. */
static void close_end(struct world *world, struct end *end)
{
    struct end *peer = other(end);

    if (end->link == NULL)
        return;
    if (end->actor->core != NULL && end->epoch == end->actor->epoch)
        core_closed(end->actor->core, end->link, world->now);
    end->link = NULL;
    drop_chunks(end);
    peer->finished = true;
    if (peer->link != NULL)
        plan_delivery(world, peer, peer->pipe->latency);
}

static void append(struct world *world, struct end *to, const uint8_t *data, size_t len)
{
    struct chunk *chunk = malloc(sizeof *chunk + len);
    uint64_t at = world->now + to->pipe->latency +
                  rp_rand_below(&world->net_rand, world->plan.jitter + 1) +
                  len / world->plan.bytes_per_ms;

    if (chunk == NULL)
        abort();
    *chunk = (struct chunk){.at = at > to->last_at ? at : to->last_at, .len = len};
    memcpy(chunk->data, data, len);
    to->last_at = chunk->at;
    *to->last = chunk;
    to->last = &chunk->next;
    to->on_the_way += len;
    plan_delivery(world, to, chunk->at - world->now);
}

/* Sends a chunk, with whatever happens to it. False when the connection was cut there. */
static bool send_chunk(struct world *world, struct end *to, const uint8_t *data, size_t len)
{
    struct rp_rand *rand = &world->net_rand;
    const struct plan *plan = &world->plan;

    world->figures.chunks++;
    world->figures.bytes += len;
    if (!world->quiet) {
        if (plan_happens(rand, plan->cut)) {
            append(world, to, data, (size_t)rp_rand_below(rand, len));
            return false;
        }
        if (plan_happens(rand, plan->lost))
            return true;
        if (plan_happens(rand, plan->doubled))
            append(world, to, data, len);
        if (plan_happens(rand, plan->swapped) && len > 1) {
            append(world, to, data + len / 2, len - len / 2);
            len /= 2;
        }
    }
    append(world, to, data, len);
    if (!world->quiet && plan_happens(rand, plan->flipped)) {
        struct chunk *chunk =
            (struct chunk *)(void *)((char *)to->last - offsetof(struct chunk, next));

        chunk->data[rp_rand_below(rand, len)] ^= (uint8_t)(1 << rp_rand_below(rand, 8));
    }
    return true;
}

/* Moves what the core has to say onto the wire, as far as there is room. */
static void pump(struct world *world, struct end *end)
{
    struct end *to = other(end);

    liar_speaks(world, end->actor);
    while (end->link != NULL && to->on_the_way < WINDOW) {
        struct rp_slice bytes;

        if (core_transmit(end->actor->core, end->link, &bytes, world->now) != RP_OK ||
            bytes.len == 0) {
            if (end->closing)
                close_end(world, end);
            return;
        }
        while (bytes.len > 0) {
            size_t n = bytes.len < CHUNK_MAX ? bytes.len : CHUNK_MAX;

            if (!send_chunk(world, to, bytes.data, n)) {
                close_end(world, end);
                return;
            }
            bytes.data += n;
            bytes.len -= n;
        }
    }
}

static void receive(struct world *world, struct end *end, struct chunk *chunk)
{
    liar_speaks(world, end->actor);
    world_trace(world, "bytes", end->actor->number, chunk->len, chunk->data, chunk->len);
    if (!end->closing)
        (void)!core_receive(end->actor->core, end->link, (struct rp_slice){chunk->data, chunk->len},
                            world->now);
}

static void deliver(void *context, void *what, uint64_t detail)
{
    struct world *world = context;
    struct end *end = what;
    struct end *from = other(end);
    struct chunk *chunk = end->first;

    (void)detail;
    end->planned = false;
    if (end->link == NULL)
        return;
    if (!wire_hears(world, from->actor->number, end->actor->number)) {
        plan_delivery(world, end, STUCK_RETRY);
        return;
    }
    if (chunk == NULL) {
        if (end->finished) {
            close_end(world, end);
            actor_settle(world, end->actor);
        }
        return;
    }
    if (chunk->at > world->now) {
        plan_delivery(world, end, chunk->at - world->now);
        return;
    }
    if (!end->closing && !core_may_read(end->actor->core, end->link)) {
        plan_delivery(world, end, STUCK_RETRY);
        return;
    }
    end->first = chunk->next;
    if (end->first == NULL)
        end->last = &end->first;
    end->on_the_way -= chunk->len;
    world->hearing = from->actor;
    receive(world, end, chunk);
    free(chunk);
    actor_settle(world, end->actor);
    world->hearing = NULL;
    if (end->link != NULL && (end->first != NULL || end->finished))
        plan_delivery(world, end, 0);
    if (from->link != NULL) {
        pump(world, from);
        actor_settle(world, from->actor);
    }
}

/* A call arrives, or does not. */
struct call {
    struct actor *from;
    unsigned epoch;
    unsigned to;
    uint8_t org[RP_ID_LEN];
    char address[RP_ADDRESS_LEN_MAX + 1];
};

static void fail_call(struct world *world, const struct call *call, const char *why)
{
    core_dial_failed(call->from->core, call->org, why, world->now);
    actor_settle(world, call->from);
}

static void open_end(struct end *end, struct pipe *pipe, struct actor *actor)
{
    *end = (struct end){.actor = actor, .epoch = actor->epoch, .pipe = pipe};
    end->last = &end->first;
}

static void arrive(void *context, void *what, uint64_t detail)
{
    struct world *world = context;
    struct call *call = what;
    struct actor *to = &world->actors[call->to];
    struct pipe *pipe;

    (void)detail;
    if (call->epoch != call->from->epoch)
        goto out;
    if (to->core == NULL || !wire_hears(world, call->from->number, call->to) ||
        !wire_hears(world, call->to, call->from->number)) {
        fail_call(world, call, "connection refused");
        goto out;
    }
    if ((pipe = calloc(1, sizeof *pipe)) == NULL)
        abort();
    pipe->latency = world->plan.latency;
    if (world->plan.uneven > 0)
        pipe->latency += rp_rand_below(&world->net_rand, world->plan.uneven + 1);
    pipe->next = world->pipes;
    world->pipes = pipe;
    open_end(&pipe->end[0], pipe, call->from);
    open_end(&pipe->end[1], pipe, to);
    pipe->end[0].link = core_dialled(call->from->core, call->org, call->address, world->now);
    pipe->end[1].link = core_accept(to->core, "9.9.9.9:9", world->now);
    for (int i = 0; i < 2; i++) {
        if (pipe->end[i].link == NULL)
            pipe->end[1 - i].finished = true;
        else
            core_link_set_data(pipe->end[i].link, &pipe->end[i]);
    }
    actor_settle(world, call->from);
    actor_settle(world, to);
out:
    free(call);
}

void wire_dial(struct world *world, struct actor *from, const uint8_t *org, const char *address)
{
    struct call *call = calloc(1, sizeof *call);

    if (call == NULL)
        abort();
    world->figures.dials++;
    call->from = from;
    call->epoch = from->epoch;
    call->to = (unsigned)strtoul(address, NULL, 10) % world->plan.nodes;
    memcpy(call->org, org, RP_ID_LEN);
    memcpy(call->address, address, strnlen(address, RP_ADDRESS_LEN_MAX));
    world_plan(world, 1 + 2 * world->plan.latency, arrive, call, 0);
}

void wire_wake(struct world *world, struct actor *actor, struct link *link)
{
    struct end *end = core_link_data(link);

    (void)actor;
    if (end == NULL)
        return;
    pump(world, end);
    if (end->link != NULL && end->first != NULL)
        plan_delivery(world, end, 0);
}

void wire_close(struct world *world, struct actor *actor, struct link *link)
{
    struct end *end = core_link_data(link);

    (void)actor;
    if (end == NULL) {
        core_closed(actor->core, link, world->now);
        return;
    }
    end->closing = true;
    pump(world, end);
    if (end->link != NULL) /* the other side reads nothing: there is no waiting for it */
        close_end(world, end);
}

void wire_actor_gone(struct world *world, struct actor *actor)
{
    for (struct pipe *pipe = world->pipes; pipe != NULL; pipe = pipe->next) {
        for (int i = 0; i < 2; i++) {
            if (pipe->end[i].actor == actor)
                close_end(world, &pipe->end[i]);
        }
    }
}

void wire_actor_silent(struct world *world, struct actor *actor)
{
    for (struct pipe *pipe = world->pipes; pipe != NULL; pipe = pipe->next) {
        for (int i = 0; i < 2; i++) {
            if (pipe->end[i].actor != actor)
                continue;
            pipe->end[i].link = NULL;
            drop_chunks(&pipe->end[i]);
        }
    }
}

void wire_actor_back(struct world *world, struct actor *actor)
{
    for (struct pipe *pipe = world->pipes; pipe != NULL; pipe = pipe->next) {
        for (int i = 0; i < 2; i++) {
            struct end *peer = &pipe->end[1 - i];

            if (pipe->end[i].actor != actor || pipe->end[i].link != NULL || peer->link == NULL ||
                peer->finished)
                continue;
            peer->finished = true;
            plan_delivery(world, peer, peer->pipe->latency);
        }
    }
}

void wire_sweep(struct world *world)
{
    struct pipe **at = &world->pipes;

    while (*at != NULL) {
        struct pipe *pipe = *at;
        bool over = true;

        for (int i = 0; i < 2; i++)
            over &= pipe->end[i].link == NULL && !pipe->end[i].planned;
        if (!over) {
            at = &pipe->next;
            continue;
        }
        *at = pipe->next;
        drop_chunks(&pipe->end[0]);
        drop_chunks(&pipe->end[1]);
        free(pipe);
    }
}

void wire_forget(const struct event *event)
{
    if (event->happen == arrive)
        free(event->what);
}

void wire_free(struct world *world)
{
    while (world->pipes != NULL) {
        struct pipe *pipe = world->pipes;

        world->pipes = pipe->next;
        drop_chunks(&pipe->end[0]);
        drop_chunks(&pipe->end[1]);
        free(pipe);
    }
}
