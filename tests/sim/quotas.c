#include <stdlib.h>
#include <string.h>

#include "store/kv.h"
#include "world.h"

/*
 * What each organisation takes, read from the disk by SPEC 7.2 after each commit: nobody grew
 * beyond what it may have, and what is counted is what is there.
 */
#define MINUTE UINT64_C(60000)
#define IN_STEP_MAX (60 * MINUTE)
#define IN_STEP_STEP 5000
#define NOT_SHARED UINT64_MAX

struct account {
    uint64_t bytes; /* of an organisation */
    uint64_t root;
    uint64_t in_all; /* of those that it is the root of */
    uint64_t share;
    uint64_t size;
};

struct ledger {
    struct account before[65]; /* by number of the organisation; the first is nobody */
    struct account now[65];
};

static uint64_t number(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

void quotas_forget(struct actor *actor)
{
    free(actor->ledger);
    actor->ledger = NULL;
}

static void read_accounts(struct kv *disk, struct account *accounts, size_t n)
{
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(disk, false, &err)) == NULL)
        abort();
    for (kv_first(&it, txn, KV_USAGE, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        uint64_t org = number(it.key.data, 4);

        if (org >= n)
            abort();
        accounts[org].bytes = number(it.value.data, 8);
        accounts[org].root = number(it.value.data + 24, 4);
    }
    for (kv_first(&it, txn, KV_QUOTA, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        uint64_t org = number(it.key.data, 4);

        accounts[org].in_all = number(it.value.data, 8);
        accounts[org].share = number(it.value.data + 8, 8);
        accounts[org].size = number(it.value.data + 16, 8);
    }
    kv_abort(txn);
}

/* Whether the quotas were the same before and after: else what one may have is not known. */
static bool is_settled(const struct ledger *ledger, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (ledger->before[i].root != ledger->now[i].root ||
            ledger->before[i].share != ledger->now[i].share ||
            ledger->before[i].size != ledger->now[i].size)
            return false;
    }
    return true;
}

/* Nobody has grown beyond its share, nor all who share a quota beyond that, or twice that. */
static void check_growth(struct world *world, const struct actor *actor, size_t org)
{
    const struct account *now = &actor->ledger->now[org];
    const struct account *root = &actor->ledger->now[now->root];

    if (now->root == 0 || now->bytes <= actor->ledger->before[org].bytes)
        return;
    if (root->share == NOT_SHARED ? root->in_all > root->size
                                  : now->bytes > root->share || root->in_all > 2 * root->size)
        world_fail(world,
                   "node %u: organisation %zu has grown to %llu of %llu bytes, against its "
                   "quota of %llu",
                   actor->number, org, (unsigned long long)now->bytes,
                   (unsigned long long)root->in_all, (unsigned long long)root->size);
}

void quotas_check(struct world *world, struct actor *actor)
{
    struct ledger *ledger = actor->ledger;
    size_t n = sizeof ledger->now / sizeof ledger->now[0]; /* some know more than there are */
    bool first = ledger == NULL;

    if (world->plan.quota == 0 || world->plan.nodes >= n)
        return;
    if (first && (ledger = actor->ledger = calloc(1, sizeof *ledger)) == NULL)
        abort();
    memcpy(ledger->before, ledger->now, sizeof ledger->now);
    memset(ledger->now, 0, sizeof ledger->now);
    read_accounts(actor->disk, ledger->now, n);
    for (size_t root = 1; root < n; root++) {
        uint64_t in_all = 0;

        for (size_t org = 1; org < n; org++)
            in_all += ledger->now[org].root == root ? ledger->now[org].bytes : 0;
        if (in_all != ledger->now[root].in_all)
            world_fail(world, "node %u counts %llu bytes of those reached through %zu, not %llu",
                       actor->number, (unsigned long long)ledger->now[root].in_all, root,
                       (unsigned long long)in_all);
    }
    for (size_t org = 1; org < n && !first && is_settled(ledger, n); org++)
        check_growth(world, actor, org);
}

void quotas_check_bytes(struct world *world, const struct actor *actor, uint32_t org,
                        uint64_t bytes)
{
    if (actor->ledger != NULL && actor->ledger->now[org].bytes != bytes)
        world_fail(world, "node %u counts %llu bytes of organisation %u, and has %llu",
                   actor->number, (unsigned long long)actor->ledger->now[org].bytes, org,
                   (unsigned long long)bytes);
}

/* Whether the node keeps stories back, which it has then and others lack, since a restore, or what
 * looked like one to it. */
static bool keeps_back(const struct actor *actor)
{
    struct restored restored;
    uint32_t awaited;

    return core_is_restored(actor->core, &restored, &awaited);
}

/* Whether everybody connected is in step, whatever is held back. */
static bool are_in_step(const struct world *world, unsigned *who)
{
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct peer_status peer;

        for (uint32_t k = 0; core_peer_status(world->actors[i].core, k, &peer); k++) {
            if (peer.linked && peer.state != PEER_IN_SYNC && !keeps_back(&world->actors[i]) &&
                !keeps_back(world_actor_of(world, peer.entry->org))) {
                *who = i;
                return false;
            }
        }
    }
    return true;
}

void quotas_end(struct world *world)
{
    uint64_t since = world->now;
    unsigned who = 0;

    if (world->plan.quota == 0)
        return;
    while (world->failure[0] == '\0' && world->plan.liars == 0 && !are_in_step(world, &who)) {
        if (world->now - since > IN_STEP_MAX)
            world_fail(world, "node %u is not in step after %llu minutes, with its quota full", who,
                       (unsigned long long)(IN_STEP_MAX / MINUTE));
        world_run(world, world->now + IN_STEP_STEP);
    }
    world->plan.quota = 0;
    for (unsigned i = 0; i < world->plan.nodes && world->failure[0] == '\0'; i++) {
        actor_crash(world, &world->actors[i]);
        actor_start(world, &world->actors[i]);
    }
}
