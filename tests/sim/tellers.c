#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "rp/err.h"
#include "rp/teller.h"
#include "rp/writer.h"
#include "store/told.h"
#include "world.h"

/* Stories with a teller: published somewhere, taken back with the code at any node that ever took
 * them, also when the author's is down. */

/* The story's content, as long as its consent runs: until long after the run, or until its day. */
static void write_story(const uint8_t slip[static RP_SIG_LEN], bool brief, struct rp_bytes *out)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "consent");
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "review_on");
    rp_writer_str(&w, brief ? "2026-11-18" : "2099-01-01");
    rp_writer_str(&w, "slip");
    rp_writer_bin(&w, slip, RP_SIG_LEN);
    rp_writer_str(&w, "title");
    rp_writer_str(&w, "Told");
    if (rp_writer_take(&w, out) != RP_OK)
        abort();
}

static uint64_t calendar_of(const struct world *world, const struct actor *actor)
{
    return (uint64_t)((int64_t)world->now + actor->calendar_ahead);
}

static void publish(struct world *world, struct actor *actor)
{
    struct author author = {&actor->self.key, actor->self.identity.org, &world->teller_rand,
                            calendar_of(world, actor)};
    struct story *story = &world->stories[world->stories_n];
    struct author_draft draft = {.kind = "story", .scope = rp_record_commons};
    size_t before = world->shelf.n;
    uint8_t object[RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN];
    uint8_t slip[RP_SIG_LEN];
    struct rp_bytes content;
    struct rp_bytes packed;
    struct rp_key key;

    rp_rand_bytes(&world->teller_rand, story->secret, RP_TELLER_SECRET_LEN);
    rp_rand_bytes(&world->teller_rand, seed, sizeof seed);
    rp_teller_key(&key, story->secret);
    rp_record_object(object, author.org, seed, key.public);
    author_slip(slip, &author, object);
    write_story(slip, rp_rand_below(&world->teller_rand, 3) == 0, &content);
    draft.content = rp_bytes_slice(&content);
    draft.seed = seed;
    draft.teller = key.public;
    if (author_write(&packed, &author, &draft) != RP_OK)
        abort();
    rp_bytes_free(&content);
    world->figures.published++;
    actor_submit(world, actor, &packed);
    story->fact = world->shelf.n > before ? world->shelf.facts[before] : NULL;
    world->stories_n += story->fact != NULL;
}

/* What the node keeps of the story; false when it never took it. */
static bool find(const struct actor *actor, const struct story *story, const struct rp_key *key,
                 struct told *out)
{
    struct kv_txn *txn;
    bool found;
    int err;

    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        return false;
    found = told_find(txn, key->public, story->fact->object, out);
    kv_abort(txn);
    return found;
}

static void withdraw(struct world *world, struct actor *actor, struct story *story)
{
    struct rp_bytes packed;
    struct rp_key key;
    struct told told;

    rp_teller_key(&key, story->secret);
    if (!find(actor, story, &key, &told))
        return;
    if (author_withdraw_told(&packed, &told, &key, &world->teller_rand,
                             calendar_of(world, actor)) != RP_OK)
        abort();
    world->figures.withdrawn++;
    world->figures.by_code++;
    shelf_put(&world->withdrawn, story->fact);
    actor_submit(world, actor, &packed);
    *story = world->stories[--world->stories_n];
}

void tellers_act(struct world *world, struct actor *actor)
{
    uint64_t choice = rp_rand_below(&world->teller_rand, 10);

    if (actor->room != ROOM_FOR_ALL)
        return;
    if (choice < 3 && world->stories_n < STORIES_MAX)
        publish(world, actor);
    else if (choice < 6 && world->stories_n > 0)
        withdraw(world, actor,
                 &world->stories[rp_rand_below(&world->teller_rand, world->stories_n)]);
}
