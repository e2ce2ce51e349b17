#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "support/kv_mem.h"
#include "world.h"

#define MINUTE 60000

/* Half of the nodes, drawn, cannot hear the other half. */
static void set_partition(struct world *world, bool deaf)
{
    unsigned n = world->plan.nodes;
    uint64_t side = rp_rand_below(&world->fault_rand, UINT64_C(1) << (n < 60 ? n : 60));

    for (unsigned a = 0; a < n; a++) {
        for (unsigned b = 0; b < n; b++) {
            if (!deaf || (side >> (a % 60) & 1) != (side >> (b % 60) & 1))
                world->deaf[a * n + b] = deaf;
        }
    }
}

static void heal_partition(void *context, void *what, uint64_t detail)
{
    (void)what;
    (void)detail;
    set_partition(context, false);
}

static void hear_again(void *context, void *what, uint64_t pair)
{
    struct world *world = context;

    (void)what;
    world->deaf[pair] = false;
}

static void start_again(void *context, void *what, uint64_t epoch)
{
    struct actor *actor = what;

    if (epoch == actor->epoch && actor->core == NULL)
        actor_start(context, actor);
}

static void empty_disk(void *context, void *what, uint64_t detail)
{
    struct actor *actor = what;

    (void)context;
    (void)detail;
    actor->room = ROOM_FOR_ALL;
}

/* What the node notes when it finds that its store is a copy. */
static void note_restored(struct world *world, const struct actor *actor)
{
    struct restored restored = {RESTORED_COPIED, (uint64_t)(WORLD_CALENDAR + (int64_t)world->now)};
    struct kv_txn *txn;
    int err;

    kv_mem_fail_commit(actor->disk, 0, RP_OK);
    if ((txn = kv_begin(actor->disk, true, &err)) == NULL)
        abort();
    restored_write(txn, &restored);
    if (kv_commit(txn) != RP_OK)
        abort();
}

/* From now on the node keeps only what it had promised when the copy was made. */
static void restore(struct world *world, struct actor *actor)
{
    if (actor->backup == NULL)
        return;
    said_note(world, actor);
    kv_mem_free(actor->disk);
    actor->disk = actor->backup;
    actor->backup = NULL;
    quotas_forget(actor);
    note_restored(world, actor);
    if (actor->kept_n > actor->backup_kept)
        actor->kept_n = actor->backup_kept;
}

/* Turns a bit of some stored record over. What was promised of it is off: if nobody else has it, it
 * is lost. */
static void rot(struct world *world, struct actor *actor)
{
    struct kv_iter it;
    struct kv_txn *txn;
    uint64_t rows = 0;
    uint64_t nth;
    int err;

    said_note(world, actor);
    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        return;
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
        rows++;
    nth = rp_rand_below(&world->fault_rand, rows);
    rows = 0;
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        const struct fact *fact;

        if (rows++ != nth || !truth_is_genuine(world->truth, it.value.data + LOG_HEADER,
                                               it.value.len - LOG_HEADER, &fact))
            continue;
        actor_release(actor, fact->id);
        if (fact->kind == TRUTH_WITHDRAWAL) /* of which said_note could not tell any more */
            shelf_put(&actor->honoured, fact);
    }
    kv_abort(txn);
    (void)kv_mem_rot(actor->disk, KV_LOG, nth, LOG_HEADER,
                     rp_rand_below(&world->fault_rand, 8 * 120));
}

static void crash_for_a_while(struct world *world, struct actor *actor)
{
    if (actor->core == NULL)
        return;
    actor_crash(world, actor);
    world_plan(world, rp_rand_below(&world->fault_rand, 5 * MINUTE), start_again, actor,
               actor->epoch);
}

static void go_wrong(struct world *world, struct actor *actor, enum fault fault)
{
    struct rp_rand *rand = &world->fault_rand;
    uint64_t while_ms = rp_rand_below(rand, 10 * MINUTE);
    unsigned n = world->plan.nodes;
    uint64_t pair = rp_rand_below(rand, (uint64_t)n * n);

    world_trace(world, "fault", actor->number, fault, NULL, 0);
    world->figures.faults[fault]++;
    switch (fault) {
    case FAULT_CRASH:
        crash_for_a_while(world, actor);
        break;
    case FAULT_PARTITION:
        set_partition(world, true);
        world_plan(world, while_ms, heal_partition, NULL, 0);
        break;
    case FAULT_ONE_WAY:
        world->deaf[pair] = pair / n != pair % n;
        world_plan(world, while_ms, hear_again, NULL, pair);
        break;
    case FAULT_FULL:
        actor->room = rp_rand_below(rand, 2) == 0 ? ROOM_FOR_CONTROL : ROOM_FOR_NOTHING;
        world_plan(world, while_ms, empty_disk, actor, 0);
        break;
    case FAULT_COMMIT:
        kv_mem_fail_commit(actor->disk, 1 + (unsigned)rp_rand_below(rand, 4),
                           rp_rand_below(rand, 2) == 0 ? RP_ERR_FULL : RP_ERR_IO);
        break;
    case FAULT_ROT:
        rot(world, actor);
        break;
    case FAULT_CALENDAR:
        actor->calendar_ahead = WORLD_CALENDAR + (int64_t)rp_rand_below(rand, 525600 * 2) * MINUTE -
                                (int64_t)525600 * MINUTE;
        break;
    case FAULT_BACKUP:
        kv_mem_free(actor->backup);
        actor->backup = kv_mem_copy(actor->disk);
        actor->backup_kept = actor->kept_n;
        break;
    case FAULT_RESTORE:
        if (actor->backup == NULL || actor->core == NULL)
            break;
        crash_for_a_while(world, actor);
        restore(world, actor);
        break;
    case FAULTS:
        break;
    }
}

static void each_minute(void *context, void *what, uint64_t detail)
{
    struct world *world = context;
    struct actor *actor = what;

    (void)detail;
    if (world->quiet)
        return;
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (plan_happens(&world->fault_rand, world->plan.fault[fault]))
            go_wrong(world, actor, fault);
    }
    world_plan(world, MINUTE, each_minute, actor, 0);
}

void faults_begin(struct world *world)
{
    for (unsigned i = 0; i < world->plan.nodes; i++)
        world_plan(world, rp_rand_below(&world->fault_rand, MINUTE), each_minute, &world->actors[i],
                   0);
}

void faults_end(struct world *world)
{
    world->quiet = true;
    set_partition(world, false);
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct actor *actor = &world->actors[i];

        kv_mem_fail_commit(actor->disk, 0, RP_OK);
        actor->room = ROOM_FOR_ALL;
        actor->calendar_ahead = WORLD_CALENDAR;
        if (actor->core == NULL)
            actor_start(world, actor);
    }
}
