#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "rp/err.h"
#include "rp/writer.h"
#include "world.h"

/* What people do at their nodes: they write, write anew, keep something to themselves, take back,
 * make and end friendships. Each act follows from the run's seed. */

/* A record that this node's organisation wrote and did not withdraw; NULL when none was drawn. */
static const struct fact *draw_own(struct world *world, const struct actor *actor)
{
    for (int tries = 0; tries < 20 && world->shelf.n > 0; tries++) {
        const struct fact *fact =
            world->shelf.facts[rp_rand_below(&world->load_rand, world->shelf.n)];
        bool gone = false;

        for (size_t i = 0; i < world->withdrawn.n; i++)
            gone |= memcmp(world->withdrawn.facts[i]->object, fact->object, TRUTH_ID) == 0;
        if (!gone && memcmp(fact->org, actor->self.identity.org, TRUTH_ID) == 0)
            return fact;
    }
    return NULL;
}

static struct author author_of(struct world *world, struct actor *actor)
{
    return (struct author){&actor->self.key, actor->self.identity.org, &world->load_rand,
                           (uint64_t)((int64_t)world->now + actor->calendar_ahead)};
}

static void write_content(struct world *world, struct rp_bytes *out)
{
    struct rp_writer w;
    char text[2000];
    size_t len = (size_t)rp_rand_below(&world->load_rand, sizeof text - 20);

    memset(text, 'x', sizeof text);
    snprintf(text, 20, "text %012llu",
             (unsigned long long)rp_rand_below(&world->load_rand, 999999999999));
    text[17] = ' ';
    text[len + 18] = '\0';
    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "title");
    rp_writer_str(&w, text);
    if (rp_writer_take(&w, out) != RP_OK)
        abort();
}

static void publish(struct world *world, struct actor *actor, const struct fact *before,
                    const uint8_t *scope)
{
    struct author author = author_of(world, actor);
    struct rp_bytes content;
    struct rp_bytes packed;
    struct rp_opened opened;
    struct author_draft draft = {.kind = "pattern", .scope = scope};
    int err;

    write_content(world, &content);
    draft.content = rp_bytes_slice(&content);
    if (before != NULL) {
        if (rp_record_open(&opened, (struct rp_slice){before->packed, before->packed_len}) != RP_OK)
            abort();
        draft.seed = opened.record.seed;
        draft.parents = 1;
        draft.parent_ids = before->id;
        draft.teller = opened.record.has_teller ? opened.record.teller : NULL;
    }
    err = author_write(&packed, &author, &draft);
    if (before != NULL)
        rp_record_close(&opened);
    rp_bytes_free(&content);
    if (err != RP_OK)
        abort();
    world->figures.published++;
    actor_submit(world, actor, &packed);
}

static void withdraw(struct world *world, struct actor *actor, const struct fact *fact, bool whole)
{
    struct author author = author_of(world, actor);
    struct rp_opened opened;
    struct rp_bytes packed;
    uint8_t version[1][RP_ID_LEN];

    memcpy(version[0], fact->id, RP_ID_LEN);
    if (rp_record_open(&opened, (struct rp_slice){fact->packed, fact->packed_len}) != RP_OK ||
        author_withdraw(&packed, &author, &opened.record, version, whole ? 0 : 1) != RP_OK)
        abort();
    rp_record_close(&opened);
    world->figures.withdrawn++;
    shelf_put(&world->withdrawn, fact);
    actor_submit(world, actor, &packed);
}

const struct fact *load_publish(struct world *world, struct actor *actor)
{
    size_t before = world->shelf.n;

    publish(world, actor, NULL, rp_record_commons);
    return world->shelf.n > before ? world->shelf.facts[before] : NULL;
}

void load_write(struct world *world, struct actor *actor, const uint8_t *scope)
{
    publish(world, actor, NULL, scope);
}

void load_withdraw(struct world *world, struct actor *actor, const struct fact *fact)
{
    withdraw(world, actor, fact, true);
}

/* Makes somebody a peer, or ends that, on this side only. Where people are restless, endings are as
 * frequent, so that nobody is left who vouches for the one removed. */
static void change_friends(struct world *world, struct actor *actor)
{
    struct actor *friend = &world->actors[rp_rand_below(&world->load_rand, world->plan.nodes)];
    unsigned endings = world->plan.restless > 0 ? 2 : 3;
    char address[32];

    if (friend == actor)
        return;
    snprintf(address, sizeof address, "%u:1", friend->number);
    if (rp_rand_below(&world->load_rand, endings) == 0)
        (void)!core_remove_peer(actor->core, friend->self.identity.org, NULL, world->now);
    else if (world->plan.restless > 0 && world->plan.invites && friend->core != NULL)
        world_join(world, friend, actor);
    else
        (void)!core_add_peer(actor->core, friend->self.identity.org, address, NULL, NULL,
                             world->now);
    actor_settle(world, actor);
}

static void act(void *context, void *what, uint64_t left)
{
    struct world *world = context;
    struct actor *actor = &world->actors[rp_rand_below(&world->load_rand, world->plan.nodes)];
    uint64_t choice = rp_rand_below(&world->load_rand, 100);
    const struct fact *own = draw_own(world, actor);

    (void)what;
    if (actor->core != NULL && world->plan.circles)
        rings_act(world, actor);
    if (actor->core != NULL && world->plan.tellers)
        tellers_act(world, actor);
    if (actor->core != NULL && world->plan.restless > 0 &&
        rp_rand_below(&world->load_rand, 100) < world->plan.restless)
        change_friends(world, actor);
    if (actor->core == NULL || actor->room != ROOM_FOR_ALL || choice < 55 || own == NULL) {
        if (actor->core != NULL)
            publish(world, actor, NULL, choice < 5 ? rp_record_local : rp_record_commons);
    } else if (choice < 75) {
        publish(world, actor, own, rp_record_commons);
    } else if (choice < 95) {
        withdraw(world, actor, own, choice < 90);
    } else {
        change_friends(world, actor);
    }
    if (left > 1 && !world->quiet)
        world_plan(
            world,
            rp_rand_below(&world->load_rand, 2 * world->plan.length / world->plan.records + 1), act,
            NULL, left - 1);
}

void load_begin(struct world *world)
{
    world_plan(world, rp_rand_below(&world->load_rand, 60000), act, NULL, world->plan.records);
}
