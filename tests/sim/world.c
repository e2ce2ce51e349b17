#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/token.h"
#include "support/kv_mem.h"

#define CHECK_EVERY 30000

/* Memory of the simulator's own never runs out. */
static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list args;

    if (world->failure[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(world->failure, sizeof world->failure, format, args);
    va_end(args);
}

void world_trace(struct world *world, const char *what, uint64_t a, uint64_t b, const void *data,
                 size_t len)
{
    uint64_t numbers[3] = {world->now, a, b};

    crypto_generichash_update(world->trace, (const uint8_t *)what, strlen(what));
    crypto_generichash_update(world->trace, (const uint8_t *)numbers, sizeof numbers);
    crypto_generichash_update(world->trace, data, len);
}

void world_trace_hash(struct world *world, char out[static 33])
{
    crypto_generichash_state state = *world->trace;
    uint8_t hash[16];

    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(out, 33, hash, sizeof hash);
}

void world_plan(struct world *world, uint64_t in_ms,
                void (*happen)(void *world, void *what, uint64_t detail), void *what,
                uint64_t detail)
{
    events_plan(
        &world->events,
        (struct event){.at = world->now + in_ms, .happen = happen, .what = what, .detail = detail});
}

/* Actors */

static void make_actor(struct world *world, unsigned number)
{
    struct actor *actor = &world->actors[number];
    struct rp_certificate certificate = {.serial = 1, .issued = WORLD_CALENDAR, .name = "node"};
    struct rp_rand rand;
    uint8_t seed[RP_KEY_SEED_LEN];
    uint8_t next[RP_HASH_LEN];
    char name[32];
    int err;

    snprintf(name, sizeof name, "actor %u", number);
    plan_rand(&rand, world->plan.seed, name);
    actor->number = number;
    actor->liar = number >= world->plan.nodes - world->plan.liars;
    actor->calendar_ahead = WORLD_CALENDAR;
    actor->tick_at = UINT64_MAX;
    rp_rand_bytes(&rand, seed, sizeof seed);
    rp_key_from_seed(&actor->key, seed);
    rp_rand_bytes(&rand, seed, sizeof seed);
    rp_key_from_seed(&actor->paper, seed);
    rp_key_next_digest(next, actor->paper.public);
    rp_rand_bytes(&rand, seed, sizeof seed);
    err = rp_key_dh_from_secret(&actor->noise, seed);
    err = err != RP_OK ? err : rp_identity_incept(&actor->inception, actor->key.public, next, name);
    actor->self.inception = rp_bytes_slice(&actor->inception);
    err = err != RP_OK ? err : rp_identity_read(&actor->self.identity, actor->self.inception);
    memcpy(certificate.org, actor->self.identity.org, RP_ID_LEN);
    memcpy(certificate.key, actor->key.public, RP_KEY_LEN);
    memcpy(certificate.noise, actor->noise.public, RP_KEY_LEN);
    rp_rand_bytes(&rand, seed, sizeof seed);
    rp_key_from_seed(&actor->self.node, seed);
    memcpy(certificate.sign, actor->self.node.public, RP_KEY_LEN);
    err = err != RP_OK ? err : rp_certificate_issue(&actor->issued, &certificate, &actor->key);
    err = err != RP_OK ? err
                       : rp_certificate_prove(&actor->proof, rp_bytes_slice(&actor->issued),
                                              actor->self.inception, NULL, 0);
    if (err != RP_OK)
        abort();
    if (!world->plan.silent)
        actor->self.issued = rp_bytes_slice(&actor->issued);
    actor->self.key = actor->key;
    actor->self.noise = actor->noise;
    actor->self.proof = rp_bytes_slice(&actor->proof);
    actor->disk = must(kv_mem_new());
}

struct actor *world_actor_of(const struct world *world, const uint8_t org[static TRUTH_ID])
{
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        if (memcmp(world->actors[i].self.identity.org, org, TRUTH_ID) == 0)
            return &world->actors[i];
    }
    return NULL;
}

bool actor_is_idle(const struct actor *actor)
{
    return actor->queue_n == 0 && actor->writing_n == 0 && !actor->out_of_step;
}

bool actor_holds(const struct world *world, const struct actor *actor, const struct fact *fact)
{
    const struct fact *found = NULL;
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        return false;
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found && found != fact;
         kv_next(&it)) {
        if (!truth_is_genuine(world->truth, it.value.data + LOG_HEADER, it.value.len - LOG_HEADER,
                              &found))
            found = NULL;
    }
    kv_stop(&it);
    kv_abort(txn);
    return found == fact;
}

/* Taking in */

static void promise(struct world *world, struct actor *actor, const uint8_t *id)
{
    const struct fact *fact = truth_find(world->truth, id);

    if (fact != NULL && fact->kind == TRUTH_WITHDRAWAL)
        shelf_put(&actor->withdrawals, fact);
    if (actor->kept_n == actor->kept_cap) {
        actor->kept_cap = actor->kept_cap > 0 ? 2 * actor->kept_cap : 256;
        actor->kept = must(realloc(actor->kept, actor->kept_cap * sizeof *actor->kept));
    }
    memcpy(actor->kept[actor->kept_n++], id, TRUTH_ID);
}

void actor_release(struct actor *actor, const uint8_t id[static TRUTH_ID])
{
    for (size_t i = 0; i < actor->writing_n; i++) {
        if (memcmp(actor->writing[i]->opened.record.id, id, TRUTH_ID) == 0)
            actor->writing[i]->data = actor; /* it is not to be promised when it is reported */
    }
    for (size_t i = 0; i < actor->kept_n; i++) {
        if (memcmp(actor->kept[i], id, TRUTH_ID) != 0)
            continue;
        memmove(actor->kept + i, actor->kept + i + 1,
                (actor->kept_n - i - 1) * sizeof *actor->kept);
        actor->kept_n--;
        actor->backup_kept -= i < actor->backup_kept;
        i--;
    }
}

/* What is of nobody who is accepted need not be kept for ever. */
static void release_dropped(struct actor *actor, const struct change *change)
{
    for (uint32_t i = 0; i < change->dropped_n; i++) {
        for (size_t k = actor->kept_n; k-- > 0;) {
            uint8_t id[TRUTH_ID];

            memcpy(id, actor->kept[k], TRUTH_ID);
            if (memcmp(id, change->dropped[i].symbol, TRUTH_SYMBOL) == 0)
                actor_release(actor, id);
            k = k < actor->kept_n ? k : actor->kept_n;
        }
    }
}

static void plan_write(struct world *world, struct actor *actor);

/* What was committed is told to the core. */
static void report(void *context, void *what, uint64_t epoch)
{
    struct world *world = context;
    struct actor *actor = what;
    size_t n = actor->writing_n;

    liar_speaks(world, actor);
    if (epoch != actor->epoch)
        return;
    actor->writing_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct intake *intake = actor->writing[i];

        world_trace(world, "report", actor->number, (uint64_t)(int64_t)intake->err,
                    intake->opened.record.id, TRUTH_ID);
        world->figures.stored += !intake->is_change && intake->err == RP_OK;
        world->figures.duplicates += intake->err == RP_ERR_EXISTS;
        world->figures.held_back += intake->err == RP_ERR_QUOTA;
        if (!intake->is_change && intake->err == RP_OK && world->stored != NULL)
            world->stored(world, actor, intake->opened.record.id);
        if (!intake->is_change && intake->err == RP_OK && intake->data == NULL)
            promise(world, actor, intake->opened.record.id);
        /* a beacon that was not stored is followed by another one */
        actor->out_of_step |=
            intake->is_change && intake->err != RP_OK && intake->change->type != CHANGE_BEACON;
        intake_report(actor->core, intake, world->now);
        intake_free(intake);
    }
    if (actor->queue_n > 0)
        plan_write(world, actor);
    actor_settle(world, actor);
    check_actor(world, actor);
}

static void write_queue(void *context, void *what, uint64_t epoch)
{
    struct world *world = context;
    struct actor *actor = what;
    struct intake **queue = actor->queue;

    if (epoch != actor->epoch)
        return;
    actor->write_planned = false;
    actor->out_of_step = false;
    actor->queue = actor->writing;
    actor->writing = queue;
    actor->writing_n = actor->queue_n;
    actor->queue_n = 0;
    for (size_t i = 0; i < actor->writing_n; i++)
        intake_verify(actor->writing[i], NULL);
    intake_write(actor->disk, actor->writing, actor->writing_n, actor->room,
                 (uint64_t)((int64_t)world->now + actor->calendar_ahead));
    quotas_check(world, actor);
    for (size_t i = 0; i < actor->writing_n; i++) {
        if (actor->writing[i]->is_change && actor->writing[i]->err == RP_OK)
            release_dropped(actor, actor->writing[i]->change);
    }
    said_written(world, actor);
    world_plan(world, rp_rand_below(&world->net_rand, world->plan.report_ms + 1), report, actor,
               actor->epoch);
}

static void plan_write(struct world *world, struct actor *actor)
{
    if (actor->write_planned || actor->writing_n > 0)
        return;
    actor->write_planned = true;
    world_plan(world, rp_rand_below(&world->net_rand, world->plan.write_ms + 1), write_queue, actor,
               actor->epoch);
}

static void enqueue(struct world *world, struct actor *actor, struct intake *intake)
{
    must(intake);
    if (actor->queue_n == actor->queue_cap) {
        actor->queue_cap = actor->queue_cap > 0 ? 2 * actor->queue_cap : 64;
        actor->queue = must(realloc(actor->queue, actor->queue_cap * sizeof *actor->queue));
        actor->writing = must(realloc(actor->writing, actor->queue_cap * sizeof *actor->writing));
    }
    actor->queue[actor->queue_n++] = intake;
    plan_write(world, actor);
}

/* Takes note of what somebody writes in their own name. */
static void learn(struct world *world, const struct rp_bytes *packed)
{
    const struct fact *fact = truth_learn(world->truth, packed->data, packed->len);

    if (fact == NULL)
        world_fail(world, "a node signed what is no valid record");
    else if (fact->scope == TRUTH_COMMONS && fact->kind == TRUTH_CONTENT)
        shelf_put(&world->shelf, fact);
    else if (fact->scope == TRUTH_OTHER && fact->kind == TRUTH_CONTENT)
        shelf_put(&world->circled, fact);
}

void actor_submit(struct world *world, struct actor *actor, struct rp_bytes *packed)
{
    struct submission submission = {.packed = *packed, .tag = 1};

    learn(world, packed);
    enqueue(world, actor, intake_record(&submission));
}

/* Life */

static void tick(void *context, void *what, uint64_t epoch)
{
    struct world *world = context;
    struct actor *actor = what;

    if (epoch != actor->epoch || world->now < actor->tick_at)
        return;
    actor->tick_at = UINT64_MAX;
    liar_speaks(world, actor);
    core_set_calendar(actor->core, actor->calendar_ahead);
    core_tick(actor->core, world->now);
    actor_settle(world, actor);
}

static void carry_out(struct world *world, struct actor *actor, struct core_effect *effect)
{
    switch (effect->type) {
    case CORE_DIAL:
        wire_dial(world, actor, effect->org, effect->address);
        break;
    case CORE_SUBMIT:
        if (effect->submission.link == 0)
            learn(world, &effect->submission.packed);
        else if (world->came != NULL)
            world->came(world, actor, world->hearing, &effect->submission.packed);
        enqueue(world, actor, intake_record(&effect->submission));
        break;
    case CORE_STORE:
        enqueue(world, actor, intake_change(effect->change));
        break;
    case CORE_CLOSE:
        wire_close(world, actor, effect->link);
        break;
    case CORE_WAKE:
        wire_wake(world, actor, effect->link);
        break;
    }
}

void actor_settle(struct world *world, struct actor *actor)
{
    struct core_effect effect;
    uint64_t at;

    liar_speaks(world, actor);
    while (core_next_effect(actor->core, &effect))
        carry_out(world, actor, &effect);
    at = core_deadline(actor->core);
    if (at < actor->tick_at) {
        actor->tick_at = at > world->now ? at : world->now;
        world_plan(world, actor->tick_at - world->now, tick, actor, actor->epoch);
    }
}

void actor_start(struct world *world, struct actor *actor)
{
    uint8_t seed[RP_RAND_SEED_LEN];
    char address[32];
    const char *addresses = address;
    struct core_opts opts = {
        .kv = actor->disk,
        .self = &actor->self,
        .calendar_ahead = actor->calendar_ahead,
        .seed = seed,
        .software = "sim",
        .trust_depth = world->plan.depth,
        .check_ms = world->plan.check_ms,
        .scrub_ms = world->plan.fault[FAULT_ROT] > 0 ? 60000 : 0,
        .vouch = true,
        .quota = world->plan.quota,
    };
    struct rp_rand rand;
    int err;

    snprintf(address, sizeof address, "core %u %u", actor->number, actor->starts++);
    plan_rand(&rand, world->plan.seed, address);
    rp_rand_bytes(&rand, seed, sizeof seed);
    actor->core = core_new(&opts, world->now, &err);
    if (actor->core == NULL) {
        world_fail(world, "node %u does not start again: %s", actor->number, rp_err_name(err));
        return;
    }
    world_trace(world, "start", actor->number, actor->starts, NULL, 0);
    snprintf(address, sizeof address, "%u:1", actor->number);
    core_set_addresses(actor->core, &addresses, 1);
    wire_actor_back(world, actor);
    said_written(world, actor);
    actor_settle(world, actor);
}

/* Forgets what was to be written, or was and nobody knows of it. */
static void drop_intakes(struct intake **list, size_t *n)
{
    for (size_t i = 0; i < *n; i++) {
        struct change *change = list[i]->is_change ? list[i]->change : NULL;

        if (change != NULL)
            core_change_free(change);
        intake_free(list[i]);
    }
    *n = 0;
}

/* What is not on the disk is lost. Its connections have been seen to. */
static void stop(struct world *world, struct actor *actor)
{
    world_trace(world, "crash", actor->number, 0, NULL, 0);
    actor->tick_at = UINT64_MAX;
    actor->write_planned = false;
    actor->clean_planned = false;
    actor->out_of_step = false;
    core_free(actor->core);
    actor->core = NULL;
    drop_intakes(actor->queue, &actor->queue_n);
    drop_intakes(actor->writing, &actor->writing_n);
}

void actor_crash(struct world *world, struct actor *actor)
{
    actor->epoch++;
    wire_actor_gone(world, actor);
    stop(world, actor);
}

void actor_vanish(struct world *world, struct actor *actor)
{
    actor->epoch++;
    wire_actor_silent(world, actor);
    stop(world, actor);
}

/* The world */

/* Makes the two peers of each other, accepted by their operators' own hand. */
static void join_by_hand(struct world *world, struct actor *a, struct actor *b)
{
    struct actor *pair[2] = {a, b};

    for (int side = 0; side < 2; side++) {
        char address[32];

        snprintf(address, sizeof address, "%u:1", pair[1 - side]->number);
        (void)!core_add_peer(pair[side]->core, pair[1 - side]->self.identity.org, address, NULL,
                             NULL, world->now);
        (void)!core_accept_org(pair[side]->core, pair[1 - side]->self.inception, world->now);
        actor_settle(world, pair[side]);
    }
}

/* ${a} invites ${b}: they vouch for each other once they have met. */
static void join_by_invite(struct world *world, struct actor *a, struct actor *b)
{
    static const struct invite_opts opts = {"", 7 * 86400000, true, 0};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;

    if (core_invite(a->core, &opts, world->now, text) != RP_OK ||
        rp_token_read(&token, text) != RP_OK)
        abort();
    (void)!core_join(b->core, &token, world->now);
    actor_settle(world, a);
    actor_settle(world, b);
}

void world_join(struct world *world, struct actor *a, struct actor *b)
{
    if (world->plan.invites)
        join_by_invite(world, a, b);
    else
        join_by_hand(world, a, b);
}

struct world *world_new(const struct plan *plan)
{
    struct world *world = must(calloc(1, sizeof *world));

    world->plan = *plan;
    world->now = 1000;
    world->truth = must(truth_new());
    world->trace = must(sodium_malloc(sizeof *world->trace));
    crypto_generichash_init(world->trace, NULL, 0, 16);
    plan_rand(&world->net_rand, plan->seed, "net");
    plan_rand(&world->fault_rand, plan->seed, "faults");
    plan_rand(&world->load_rand, plan->seed, "load");
    plan_rand(&world->teller_rand, plan->seed, "told");
    plan_rand(&world->lie_rand, plan->seed, "lies");
    plan_rand(&world->dispute_rand, plan->seed, "disputing");
    plan_rand(&world->clean_rand, plan->seed, "cleaning");
    plan_rand(&world->rotation_rand, plan->seed, "new keys");
    world->deaf = must(calloc((size_t)plan->nodes * plan->nodes, sizeof *world->deaf));
    world->actors = must(calloc(plan->nodes, sizeof *world->actors));
    for (unsigned i = 0; i < plan->nodes; i++) {
        make_actor(world, i);
        actor_start(world, &world->actors[i]);
    }
    return world;
}

void world_free(struct world *world)
{
    struct event event;

    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct actor *actor = &world->actors[i];

        if (actor->core != NULL)
            actor_crash(world, actor);
        kv_mem_free(actor->disk);
        kv_mem_free(actor->backup);
        rp_bytes_free(&actor->inception);
        rp_bytes_free(&actor->proof);
        for (uint32_t k = 0; k < actor->self.successions; k++)
            rp_bytes_free(&actor->successions[k]);
        rp_bytes_free(&actor->issued);
        free(actor->queue);
        free(actor->writing);
        free(actor->kept);
        free(actor->withdrawals.facts);
        quotas_forget(actor);
        free(actor->honoured.facts);
    }
    while (events_next(&world->events, &event))
        wire_forget(&event);
    wire_free(world);
    liar_speaks(world, NULL);
    events_free(&world->events);
    truth_free(world->truth);
    free(world->shelf.facts);
    free(world->circled.facts);
    free(world->withdrawn.facts);
    free(world->actors);
    free(world->deaf);
    sodium_free(world->trace);
    free(world);
}

void world_run(struct world *world, uint64_t until)
{
    uint64_t next_check = world->now + CHECK_EVERY;
    struct event event;

    while (world->failure[0] == '\0' && events_first_at(&world->events) <= until) {
        (void)events_next(&world->events, &event);
        world->now = event.at;
        world->figures.events++;
        liar_speaks(world, NULL); /* until somebody else does: whoever spoke last has ended */
        event.happen(world, event.what, event.detail);
        if (world->now >= next_check) {
            wire_sweep(world);
            if (world->stored == NULL)
                check_all(world);
            next_check = world->now + CHECK_EVERY;
        }
    }
    if (world->failure[0] == '\0')
        world->now = until;
}
