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

        if (peering_find(model->core, org->id) != NULL) {
            const struct actor *peer = world_actor_of(world, org->id);

            (void)!core_add_peer(out->core, org->id, NULL, NULL, NULL, world->now);
            /* as a link would, also when there was none: a vouch that is withdrawn may teach it */
            (void)!trust_learn_inception(out->core, trust_find(out->core, org->id),
                                         rp_bytes_slice(&peer->inception));
        }
        if (org->blocked)
            (void)!core_block(out->core, org->id, &(struct act){NULL, 0}, world->now);
        if (org->by_hand)
            (void)!core_accept_org(out->core, rp_bytes_slice(&org->inception), world->now);
    }
    trust_recompute(out->core, world->now);
}

static int take_in(struct world *world, struct actor *actor, struct intake *intake)
{
    int err;

    if (intake == NULL)
        abort();
    intake_verify(intake, NULL);
    intake_write(actor->disk, &intake, 1, ROOM_FOR_ALL, (uint64_t)WORLD_CALENDAR + world->now);
    err = intake->err;
    intake_report(actor->core, intake, world->now);
    intake_free(intake);
    return err;
}

static void drain(struct world *world, struct actor *actor)
{
    struct core_effect effect;

    core_tick(actor->core, world->now); /* who is accepted is found out then */
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

/* Whether the row is about a record of an organisation that is accepted in the end. Who was
 * accepted for a while, by a vouch that was withdrawn, and left something behind, follows from the
 * order. */
static bool is_lasting_row(struct kv_txn *txn, const struct kv_iter *it, enum kv_table table,
                           const struct core *core)
{
    struct place place;

    if (table == KV_COUNT)
        return true;
    if (table == KV_SYMBOL ? !records_read_place(it->value, &place)
                           : !records_find(txn, it->value.data, &place))
        abort();
    return core->orgs[place.org].accepted;
}

/* Keys of a table that does not number records by arrival. */
static void add_table(struct pieces *pieces, enum kv_table table, const struct actor *actor)
{
    const uint8_t name = (uint8_t)table;
    struct kv_txn *txn;
    struct kv_iter it;
    int err;

    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        abort();
    for (kv_first(&it, txn, table, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        if (is_lasting_row(txn, &it, table, actor->core))
            add_piece(pieces, (struct rp_slice){&name, 1}, it.key);
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

/* Whether some may have been accepted for a while by a vouch that was withdrawn. */
static bool people_vouch(const struct world *world)
{
    return world->plan.invites || world->plan.disputes > 0;
}

static void outcome_of(struct world *world, const struct actor *model, const struct shelf *all,
                       uint8_t hash[static 32])
{
    struct pieces pieces = {.n = 0};
    struct rp_tally tally;
    struct actor actor;

    clone(world, model, &actor);
    drain(world, &actor);
    give_all(world, &actor, all);
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        core_tally(actor.core, set, &tally);
        if (set == RP_SET_CONTENT || !people_vouch(world))
            add_piece(&pieces, (struct rp_slice){tally.digest, sizeof tally.digest},
                      (struct rp_slice){NULL, 0});
    }
    add_table(&pieces, KV_SYMBOL, &actor);
    add_table(&pieces, KV_WITHDRAWN, &actor);
    if (!people_vouch(world))
        add_table(&pieces, KV_COUNT, &actor);
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
