#include <stdlib.h>
#include <string.h>

#include "core/core_private.h"
#include "rp/err.h"
#include "support/kv_mem.h"
#include "view/view.h"
#include "world.h"

/*
 * Whether the order of arrival matters: every record there ever was is given to two nodes with the
 * same peers, in two orders, the withdrawn ones too. They must end up with the same sets, stores
 * and answers.
 */
#define ORDERS 2

/* What a node ended up with, as pieces that are sorted before they are compared. */
struct pieces {
    struct rp_bytes *items;
    size_t n;
    size_t cap;
};

static void add_piece(struct pieces *pieces, struct rp_slice a, struct rp_slice b)
{
    if (pieces->n == pieces->cap) {
        pieces->cap = pieces->cap > 0 ? 2 * pieces->cap : 256;
        pieces->items = realloc(pieces->items, pieces->cap * sizeof *pieces->items);
        if (pieces->items == NULL)
            abort();
    }
    if (rp_bytes_join(&pieces->items[pieces->n++], a, b) != RP_OK)
        abort();
}

static int compare_pieces(const void *a, const void *b)
{
    return rp_bytes_compare(rp_bytes_slice(a), rp_bytes_slice(b));
}

static void pieces_end(struct pieces *pieces, uint8_t hash[static 32])
{
    crypto_generichash_state state;

    if (pieces->n > 0)
        qsort(pieces->items, pieces->n, sizeof *pieces->items, compare_pieces);
    crypto_generichash_init(&state, NULL, 0, 32);
    for (size_t i = 0; i < pieces->n; i++) {
        uint64_t len = pieces->items[i].len;

        crypto_generichash_update(&state, (const uint8_t *)&len, sizeof len);
        crypto_generichash_update(&state, pieces->items[i].data, pieces->items[i].len);
        rp_bytes_free(&pieces->items[i]);
    }
    crypto_generichash_final(&state, hash, 32);
    free(pieces->items);
}

/* A node like ${model}, with nothing in its store. */
static void clone(struct world *world, const struct actor *model, struct actor *out)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {1};
    struct core_opts opts = {
        .self = &model->self,
        .calendar_ahead = WORLD_CALENDAR,
        .seed = seed,
        .software = "sim",
        .trust_depth = world->plan.depth,
        .check_ms = 60000,
    };
    int err;

    *out = *model;
    out->disk = opts.kv = kv_mem_new();
    if (out->disk == NULL || (out->core = core_new(&opts, world->now, &err)) == NULL)
        abort();
    for (uint32_t i = 1; i < model->core->orgs_n; i++) {
        const struct core_org *org = &model->core->orgs[i];

        if (peering_find(model->core, org->id) != NULL)
            (void)!core_add_peer(out->core, org->id, NULL, NULL, world->now);
        if (org->by_hand)
            (void)!core_accept_org(out->core, rp_bytes_slice(&org->inception), world->now);
    }
}

static int take_in(struct world *world, struct actor *actor, struct intake *intake)
{
    int err;

    if (intake == NULL)
        abort();
    intake_verify(intake);
    intake_write(actor->disk, &intake, 1, ROOM_FOR_ALL, (uint64_t)WORLD_CALENDAR + world->now);
    err = intake->err;
    intake_report(actor->core, intake, world->now);
    intake_free(intake);
    return err;
}

static void drain(struct world *world, struct actor *actor)
{
    struct core_effect effect;

    while (core_next_effect(actor->core, &effect)) {
        if (effect.type == CORE_SUBMIT)
            (void)take_in(world, actor, intake_record(&effect.submission));
        else if (effect.type == CORE_STORE)
            (void)take_in(world, actor, intake_change(effect.change));
    }
}

static int give(struct world *world, struct actor *actor, const struct fact *fact)
{
    struct submission submission = {.link = 0};
    int err;

    if (rp_bytes_copy(&submission.packed, fact->packed, fact->packed_len) != RP_OK)
        abort();
    err = take_in(world, actor, intake_record(&submission));
    drain(world, actor);
    return err;
}

/* Gives all, and again those of organisations that were not accepted yet, until that is in vain. */
static void give_all(struct world *world, struct actor *actor, const struct shelf *all)
{
    bool progress = true;

    while (progress) {
        progress = false;
        for (size_t i = 0; i < all->n; i++)
            progress |= give(world, actor, all->facts[i]) == RP_OK;
    }
}

static void shuffle(struct shelf *shelf, struct rp_rand *rand)
{
    for (size_t i = shelf->n; i > 1; i--) {
        size_t other = (size_t)rp_rand_below(rand, i);
        const struct fact *fact = shelf->facts[i - 1];

        shelf->facts[i - 1] = shelf->facts[other];
        shelf->facts[other] = fact;
    }
}

/* Keys of the tables that do not number records by arrival. */
static void add_tables(struct pieces *pieces, struct kv *disk)
{
    static const enum kv_table tables[] = {KV_SYMBOL, KV_WITHDRAWN, KV_COUNT};
    static const uint8_t names[] = {'s', 'w', 'c'};
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(disk, false, &err)) == NULL)
        abort();
    for (size_t i = 0; i < sizeof names; i++) {
        struct kv_iter it;

        for (kv_first(&it, txn, tables[i], (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
            add_piece(pieces, (struct rp_slice){&names[i], 1}, it.key);
    }
    kv_abort(txn);
}

static void add_answers(struct pieces *pieces, const struct world *world, struct actor *actor)
{
    struct view_source source = {.kv = actor->disk,
                                 .core = actor->core,
                                 .self = &actor->self,
                                 .software = "sim",
                                 .now_ms = (uint64_t)WORLD_CALENDAR + world->now,
                                 .steady_ms = world->now};
    struct view_list list = {.has_kind = false};
    struct rp_writer item;
    int err = RP_OK;

    rp_writer_init(&item, RP_FRAME_MAX);
    do {
        list.looked = 0;
        while (view_list_next(&list, &item, &source, &err)) {
            add_piece(pieces, rp_writer_slice(&item), (struct rp_slice){NULL, 0});
            rp_writer_reset(&item);
        }
    } while (list.more && err == RP_OK);
    rp_writer_free(&item);
}

static void outcome_of(struct world *world, const struct actor *model, const struct shelf *all,
                       uint8_t hash[static 32])
{
    struct pieces pieces = {.n = 0};
    struct actor actor;

    clone(world, model, &actor);
    drain(world, &actor);
    give_all(world, &actor, all);
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        struct rp_tally tally;

        core_tally(actor.core, set, &tally);
        add_piece(&pieces, (struct rp_slice){tally.digest, sizeof tally.digest},
                  (struct rp_slice){NULL, 0});
    }
    add_tables(&pieces, actor.disk);
    add_answers(&pieces, world, &actor);
    pieces_end(&pieces, hash);
    core_free(actor.core);
    kv_mem_free(actor.disk);
}

void check_orders(struct world *world)
{
    struct actor *model = &world->actors[0]; /* never a liar: those come last */
    struct shelf all = {.n = 0};
    uint8_t hash[ORDERS][32];
    struct rp_rand rand;

    plan_rand(&rand, world->plan.seed, "orders");
    truth_shelve(world->truth, &all);
    for (int i = 0; i < ORDERS; i++) {
        shuffle(&all, &rand);
        outcome_of(world, model, &all, hash[i]);
    }
    if (memcmp(hash[0], hash[1], sizeof hash[0]) != 0)
        world_fail(world, "the same records in another order end in something else");
    free(all.facts);
}
