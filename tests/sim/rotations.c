#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "world.h"

/*
 * Organisations whose key is replaced by means of the paper key, as their operators do it: the
 * node is stopped, and goes on with a new key, a new certificate and a longer chain. Everybody who
 * accepts it has to follow, wherever the succession reaches them from, and keep what the key before
 * has signed.
 */

static void draw_key(struct world *world, struct rp_key *out)
{
    uint8_t seed[RP_KEY_SEED_LEN];

    rp_rand_bytes(&world->rotation_rand, seed, sizeof seed);
    rp_key_from_seed(out, seed);
}

/* The succession, signed with the paper key, which is used up by it. */
static void succeed(struct world *world, struct actor *actor, struct rp_key *key)
{
    struct rp_bytes *out = &actor->successions[actor->self.successions];
    struct rp_succession succession = {.number = actor->self.successions + 1};
    struct author author = {&actor->paper, actor->self.identity.org, &world->rotation_rand,
                            (uint64_t)((int64_t)world->now + actor->calendar_ahead)};
    struct rp_key paper;

    draw_key(world, key);
    draw_key(world, &paper);
    memcpy(succession.key, key->public, RP_KEY_LEN);
    rp_key_next_digest(succession.next, paper.public);
    if (author_succession(out, &author, &succession) != RP_OK ||
        truth_learn(world->truth, out->data, out->len) == NULL)
        abort();
    actor->paper = paper;
    actor->self.succession[actor->self.successions++] = rp_bytes_slice(out);
}

/* A certificate by the new key, and the proof that goes with it. */
static void certify(struct actor *actor, const struct rp_key *key)
{
    struct rp_certificate certificate = {
        .serial = 1 + actor->self.successions, .issued = WORLD_CALENDAR, .name = "node"};

    memcpy(certificate.org, actor->self.identity.org, RP_ID_LEN);
    memcpy(certificate.key, key->public, RP_KEY_LEN);
    memcpy(certificate.noise, actor->noise.public, RP_KEY_LEN);
    memcpy(certificate.sign, actor->self.node.public, RP_KEY_LEN);
    rp_bytes_free(&actor->issued);
    rp_bytes_free(&actor->proof);
    if (rp_certificate_issue(&actor->issued, &certificate, key) != RP_OK ||
        rp_certificate_prove(&actor->proof, rp_bytes_slice(&actor->issued), actor->self.inception,
                             actor->self.succession, actor->self.successions) != RP_OK)
        abort();
    actor->self.issued = rp_bytes_slice(&actor->issued);
    actor->self.proof = rp_bytes_slice(&actor->proof);
    actor->self.key = actor->key = *key;
}

static void rotate(void *context, void *what, uint64_t left)
{
    struct world *world = context;
    struct actor *actor = &world->actors[rp_rand_below(&world->rotation_rand, world->plan.nodes)];
    struct rp_key key;

    (void)what;
    if (actor->core != NULL && actor->self.successions < ROTATIONS_MAX) {
        actor_crash(world, actor);
        succeed(world, actor, &key);
        certify(actor, &key);
        world->figures.rotations++;
        actor_start(world, actor);
    }
    if (left > 1 && !world->quiet)
        world_plan(world, rp_rand_below(&world->rotation_rand, world->plan.length), rotate, NULL,
                   left - 1);
}

void rotations_begin(struct world *world)
{
    if (world->plan.rotations > 0)
        world_plan(world, rp_rand_below(&world->rotation_rand, world->plan.length / 2), rotate,
                   NULL, world->plan.rotations);
}

void rotations_check(struct world *world, const struct actor *actor, const uint8_t *org,
                     unsigned held)
{
    struct org_view view;

    for (uint32_t i = 1; core_org(actor->core, i, &view); i++) {
        if (memcmp(view.id, org, RP_ID_LEN) == 0 && view.successions != held)
            world_fail(world, "node %u follows %u successions of an organisation, and has %u",
                       actor->number, view.successions, held);
    }
}
