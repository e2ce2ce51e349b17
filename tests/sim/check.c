#include <stdlib.h>
#include <string.h>

#include "core/core_private.h"
#include "rp/err.h"
#include "world.h"

/*
 * What must hold, judged from what lies on the disks by truth.c's reading and SPEC.md alone. Of the
 * code under test only the layout of the store is known (SPEC 7.2), and the core's tallies, queues
 * and cells are looked at to be compared.
 */
#define QUEUED_MAX (6u << 20) /* bytes that a core may owe to one link */

/* A node's disk, read. */
struct held {
    const struct fact *fact;
    uint32_t org;
    uint32_t scope;
    size_t len; /* packed */
};

struct disk {
    struct held *held; /* by id */
    size_t n;
    size_t cap;
    bool *accepted; /* by actor, as the disk says */
    bool *ever;
    uint8_t (*peers)[RP_ID_LEN];
    size_t peers_n;
    bool *by_hand;
    bool *blocked;
    bool *paused;
    bool in_ring[RINGS_MAX]; /* accepted */
    size_t rotten;
};

static uint64_t number(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void disk_free(struct disk *disk)
{
    free(disk->held);
    free(disk->accepted);
    free(disk->ever);
    free(disk->by_hand);
    free(disk->blocked);
    free(disk->paused);
    free(disk->peers);
}

static int compare_held(const void *a, const void *b)
{
    return memcmp(((const struct held *)a)->fact->id, ((const struct held *)b)->fact->id, TRUTH_ID);
}

static const struct held *disk_find(const struct disk *disk, const uint8_t *id)
{
    size_t low = 0;
    size_t high = disk->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(disk->held[middle].fact->id, id, TRUTH_ID);

        if (order == 0)
            return &disk->held[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* "log": every record there is one that somebody wrote, to the bit. */
static void read_log(struct world *world, const struct actor *actor, struct kv_txn *txn,
                     struct disk *disk)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        const struct fact *fact;

        if (!truth_is_genuine(world->truth, it.value.data + LOG_HEADER, it.value.len - LOG_HEADER,
                              &fact)) {
            if (world->figures.faults[FAULT_ROT] == 0)
                world_fail(world, "node %u stores a record that nobody wrote", actor->number);
            disk->rotten++;
            continue;
        }
        if (disk->n == disk->cap) {
            disk->cap = disk->cap > 0 ? 2 * disk->cap : 256;
            disk->held = realloc(disk->held, disk->cap * sizeof *disk->held);
            if (disk->held == NULL)
                abort();
        }
        disk->held[disk->n++] =
            (struct held){fact, (uint32_t)number(it.value.data + 8, 4),
                          (uint32_t)number(it.value.data + 12, 4), it.value.len - LOG_HEADER};
    }
    if (disk->n > 0)
        qsort(disk->held, disk->n, sizeof *disk->held, compare_held);
}

/* "org": [1, id, flags, ...] */
static void read_orgs(struct world *world, struct kv_txn *txn, struct disk *disk)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_ORG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        const uint8_t *id = it.value.data + 4; /* array, 1, bin 32 */
        uint8_t flags = it.value.data[4 + RP_ID_LEN];
        const struct actor *who = world_actor_of(world, id);

        if (who == NULL)
            continue;
        disk->accepted[who->number] = flags & 1;
        disk->ever[who->number] = flags & 2;
        disk->by_hand[who->number] = flags & 4;
        disk->blocked[who->number] = flags & 8;
    }
}

/* "peer": [..., flags] */
static void read_peers(struct world *world, struct kv_txn *txn, struct disk *disk)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_PEER, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        disk->peers = realloc(disk->peers, (disk->peers_n + 1) * sizeof *disk->peers);
        if (disk->peers == NULL)
            abort();
        memcpy(disk->peers[disk->peers_n++], it.key.data, RP_ID_LEN);
        if (world_actor_of(world, it.key.data) != NULL)
            disk->paused[world_actor_of(world, it.key.data)->number] =
                it.value.data[it.value.len - 1] & 1;
    }
}

/* "circle": [1, id, state, ...] */
static void read_circles(struct world *world, struct kv_txn *txn, struct disk *disk)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_CIRCLE, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        const struct ring *ring = rings_find(world, it.value.data + 4);

        if (ring != NULL)
            disk->in_ring[ring - world->rings] = it.value.data[4 + RP_ID_LEN] == 2;
    }
}

static void read_disk(struct world *world, const struct actor *actor, struct disk *disk)
{
    unsigned n = world->plan.nodes;
    struct kv_txn *txn;
    int err;

    *disk = (struct disk){.accepted = calloc(n, sizeof(bool)),
                          .ever = calloc(n, sizeof(bool)),
                          .by_hand = calloc(n, sizeof(bool)),
                          .blocked = calloc(n, sizeof(bool)),
                          .paused = calloc(n, sizeof(bool))};
    txn = kv_begin(actor->disk, false, &err);
    if (txn == NULL || disk->accepted == NULL || disk->ever == NULL || disk->by_hand == NULL ||
        disk->blocked == NULL || disk->paused == NULL)
        abort();
    read_log(world, actor, txn, disk);
    read_orgs(world, txn, disk);
    read_peers(world, txn, disk);
    read_circles(world, txn, disk);
    kv_abort(txn);
}

/* What is of a circle is with members alone, and of them. */
static void check_circled(struct world *world, const struct actor *actor, const struct fact *fact)
{
    const struct ring *ring = rings_find(world, fact->scope_id);
    const struct actor *author = world_actor_of(world, fact->org);

    if (ring == NULL || author == NULL || (ring->members >> author->number & 1) == 0)
        world_fail(world, "node %u holds a record of a circle whose author is not in it",
                   actor->number);
    else if ((ring->members >> actor->number & 1) == 0)
        world_fail(world, "node %u holds a record of a circle that it is not in", actor->number);
}

static bool is_withdrawn(const struct disk *disk, const struct fact *fact)
{
    for (size_t i = 0; i < disk->n; i++) {
        if (truth_covers(disk->held[i].fact, fact))
            return true;
    }
    return false;
}

/* Nothing covered is there, and nothing of others that was never to leave them. */
static void check_held(struct world *world, const struct actor *actor, const struct disk *disk)
{
    for (size_t i = 0; i < disk->n; i++) {
        const struct fact *fact = disk->held[i].fact;
        const struct actor *author = world_actor_of(world, fact->org);

        if (is_withdrawn(disk, fact))
            world_fail(world, "node %u holds a record and its withdrawal", actor->number);
        if (fact->scope == TRUTH_LOCAL && author != actor)
            world_fail(world, "node %u holds a local record of node %u", actor->number,
                       author != NULL ? author->number : 999);
        if (fact->scope == TRUTH_OTHER)
            check_circled(world, actor, fact);
        else if (author == NULL || (!disk->ever[author->number] && !fact->is_succession))
            world_fail(world, "node %u holds a record of an organisation it never accepted",
                       actor->number);
        if (i > 0 && fact == disk->held[i - 1].fact)
            world_fail(world, "node %u holds a record twice", actor->number);
    }
}

/* The same, also when the disk has damaged the withdrawal since. */
static bool was_withdrawn(const struct actor *actor, const struct fact *fact)
{
    for (size_t i = 0; i < actor->withdrawals.n; i++) {
        if (truth_covers(actor->withdrawals.facts[i], fact))
            return true;
    }
    return false;
}

/* What was promised is there, unless it was withdrawn since. */
static void check_kept(struct world *world, const struct actor *actor, const struct disk *disk)
{
    for (size_t i = 0; i < actor->kept_n; i++) {
        const struct fact *fact = truth_find(world->truth, actor->kept[i]);

        if (fact == NULL)
            world_fail(world, "node %u acknowledged a record that nobody wrote", actor->number);
        else if (disk_find(disk, fact->id) == NULL && !is_withdrawn(disk, fact) &&
                 !was_withdrawn(actor, fact))
            world_fail(world,
                       "node %u lost a record (kind %d, %02x%02x%02x) that it had acknowledged",
                       actor->number, (int)fact->kind, fact->id[0], fact->id[1], fact->id[2]);
    }
}

/* Who is accepted, from peers, the operator's hand and the vouches that are held, never through one
 * that is blocked (SPEC 6). */
static void check_accepted(struct world *world, const struct actor *actor, const struct disk *disk)
{
    unsigned n = world->plan.nodes;
    unsigned *depth = malloc(n * sizeof *depth);

    if (depth == NULL)
        abort();
    for (unsigned i = 0; i < n; i++)
        depth[i] = i == actor->number || (disk->by_hand[i] && !disk->blocked[i]) ? 0 : UINT32_MAX;
    for (size_t i = 0; i < disk->peers_n; i++) {
        const struct actor *peer = world_actor_of(world, disk->peers[i]);

        if (peer != NULL && !disk->blocked[peer->number])
            depth[peer->number] = 0;
    }
    for (unsigned round = 0; round < world->plan.depth; round++) {
        for (size_t i = 0; i < disk->n; i++) {
            const struct fact *fact = disk->held[i].fact;
            const struct actor *issuer = world_actor_of(world, fact->org);
            const struct actor *subject =
                fact->kind == TRUTH_VOUCH ? world_actor_of(world, fact->subject) : NULL;

            if (subject != NULL && issuer != NULL && fact->scope == TRUTH_COMMONS &&
                depth[issuer->number] == round && depth[subject->number] == UINT32_MAX &&
                !disk->blocked[subject->number])
                depth[subject->number] = round + 1;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if ((depth[i] != UINT32_MAX) == disk->accepted[i])
            continue;
        if (disk->ever[i] || disk->accepted[i]) /* else its inception may not be known yet */
            world_fail(world, "node %u %s node %u, against its vouches and peers", actor->number,
                       disk->accepted[i] ? "accepts" : "does not accept", i);
    }
    free(depth);
}

/* Whether a record is a member of a set of the commons at that node (SPEC 2.1, 2.4). */
static bool is_member(const struct world *world, const struct disk *disk, const struct fact *fact)
{
    const struct actor *author = world_actor_of(world, fact->org);
    bool lasting = fact->kind != TRUTH_CONTENT && fact->kind != TRUTH_VOUCH;

    return fact->scope == TRUTH_COMMONS && author != NULL &&
           (lasting ? disk->ever : disk->accepted)[author->number];
}

/* The core's tallies are those of what it stores, and its first cells too. */
static void check_sums(struct world *world, const struct actor *actor, const struct disk *disk)
{
    struct truth_sum sums[RP_SETS] = {{.count = 0}};

    for (size_t i = 0; i < disk->n; i++) {
        if (is_member(world, disk, disk->held[i].fact))
            truth_add(&sums[disk->held[i].fact->kind == TRUTH_CONTENT], disk->held[i].fact->id);
    }
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        const struct core_set *core_set = &actor->core->commons.sets[set];
        uint8_t *cells = calloc(core_set->cells_n, RP_CELL_LEN);
        uint8_t digest[RP_HASH_LEN];
        struct rp_tally tally;

        core_tally(actor->core, set, &tally);
        truth_digest(digest, &sums[set]);
        if (tally.count != sums[set].count || memcmp(tally.digest, digest, sizeof digest) != 0)
            world_fail(world, "node %u counts %llu records in set %d, and holds %llu",
                       actor->number, (unsigned long long)tally.count, (int)set,
                       (unsigned long long)sums[set].count);
        for (size_t i = 0; i < disk->n; i++) {
            const struct fact *fact = disk->held[i].fact;

            if (is_member(world, disk, fact) && (fact->kind == TRUTH_CONTENT) == (set == 1))
                truth_cells(cells, core_set->cells_n, fact->id);
        }
        for (uint32_t i = 0; i < core_set->cells_n && !core_set->doubtful; i++) {
            uint8_t wire[RP_CELL_LEN];

            rp_sketch_save(wire, &core_set->cells[i]);
            if (memcmp(wire, cells + (size_t)i * RP_CELL_LEN, RP_CELL_LEN) != 0) {
                world_fail(world, "node %u: cell %u of set %d is wrong", actor->number, i,
                           (int)set);
                break;
            }
        }
        free(cells);
    }
}

/* Nothing grows without bound, whatever the others do. */
static void check_bounds(struct world *world, const struct actor *actor)
{
    const struct core *core = actor->core;

    if (core->submitted > SUBMITTED_MAX + LINKS_MAX * (uint64_t)(RP_FRAME_MAX + SUBMITTED_SURE))
        world_fail(world, "node %u: %zu bytes wait to be taken in", actor->number, core->submitted);
    if (core->fetches_n > FETCHES_MAX || core->links_n > LINKS_MAX || core->knocks_n > KNOCKS_MAX)
        world_fail(world, "node %u: a table is fuller than it may be", actor->number);
    for (const struct link *link = core->links; link != NULL; link = link->next) {
        if (rp_session_queued(link->session) > QUEUED_MAX)
            world_fail(world, "node %u: %zu bytes are queued on a link", actor->number,
                       rp_session_queued(link->session));
    }
}

/* Whoever holds successions follows them. */
static void check_keys(struct world *world, const struct actor *actor, const struct disk *disk)
{
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        unsigned held = 0;

        for (size_t k = 0; k < disk->n; k++)
            held += disk->held[k].fact->is_succession &&
                    world_actor_of(world, disk->held[k].fact->org) == &world->actors[i];
        if (disk->ever[i])
            rotations_check(world, actor, world->actors[i].self.identity.org, held);
    }
}

static bool is_replaced(const struct disk *disk, const struct fact *fact)
{
    for (size_t i = 0; i < disk->n; i++) {
        if (memcmp(disk->held[i].fact->parent, fact->id, TRUTH_ID) == 0)
            return true;
    }
    return false;
}

/* The stories of those it accepts are shown as long as their consent runs. */
static void check_shown(struct world *world, const struct actor *actor, const struct disk *disk)
{
    struct shelf stories = {.n = 0};

    for (size_t i = 0; i < disk->n; i++) {
        const struct fact *fact = disk->held[i].fact;
        const struct actor *author = world_actor_of(world, fact->org);

        if (fact->is_story && author != NULL && disk->accepted[author->number] &&
            !is_replaced(disk, fact))
            shelf_put(&stories, fact);
    }
    shown_check(world, actor, &stories);
    free(stories.facts);
}

/* What each organisation takes is what is counted. */
static void check_usage(struct world *world, const struct actor *actor, const struct disk *disk)
{
    for (uint32_t org = 1; world->plan.quota > 0 && org <= world->plan.nodes; org++) {
        uint64_t bytes = 0;

        for (size_t i = 0; i < disk->n; i++) {
            const struct held *held = &disk->held[i];
            bool lasting = held->fact->kind != TRUTH_CONTENT && held->fact->kind != TRUTH_VOUCH;

            if (held->org == org && !lasting && held->fact->scope == TRUTH_COMMONS)
                bytes += held->len;
        }
        quotas_check_bytes(world, actor, org, bytes);
    }
}

void check_actor(struct world *world, struct actor *actor)
{
    if (actor->core != NULL)
        check_bounds(world, actor);
}

/* Whether the disk has all that the core believes: what could not be stored is tried again later.
 */
static bool is_in_step(const struct actor *actor)
{
    return actor->core != NULL && actor_is_idle(actor) && actor->core->failed == NULL;
}

/* Nobody honest is taken for one who misbehaves. What rot has spoilt may have been sent. */
static void check_faults(struct world *world, const struct actor *actor)
{
    for (uint32_t i = 0; actor->core != NULL && i < actor->core->peers_n; i++) {
        const struct peer *peer = actor->core->peers[i];
        const struct actor *other = world_actor_of(world, peer->entry.org);

        if (other == NULL || other->liar || world->figures.faults[FAULT_ROT] > 0)
            continue;
        if (peer->faults > 0 || peer->shut_often > 0)
            world_fail(world, "node %u takes node %u for one who misbehaves", actor->number,
                       other->number);
    }
}

static void check_disk(struct world *world, struct actor *actor)
{
    struct disk disk;

    if (actor->liar)
        return;
    check_faults(world, actor);
    read_disk(world, actor, &disk);
    check_held(world, actor, &disk);
    check_kept(world, actor, &disk);
    if (is_in_step(actor) && disk.rotten == 0) {
        check_accepted(world, actor, &disk);
        check_sums(world, actor, &disk);
        if (world->plan.tellers)
            check_shown(world, actor, &disk);
        if (world->plan.rotations > 0 && world->plan.fault[FAULT_ROT] == 0)
            check_keys(world, actor, &disk);
        check_usage(world, actor, &disk);
    }
    disk_free(&disk);
}

void check_all(struct world *world)
{
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        check_actor(world, &world->actors[i]);
        rings_check(world, &world->actors[i]);
        check_disk(world, &world->actors[i]);
    }
    said_check(world);
}

/* Whether a node has no link with another, as its operator wishes. */
static bool is_shut(const struct disk *disk, unsigned other)
{
    return disk->blocked[other] || disk->paused[other];
}

/* Whether two nodes are peers of each other, and may connect. */
static bool are_joined(const struct world *world, const struct disk *disks, unsigned a, unsigned b)
{
    bool knows[2] = {false, false};
    unsigned pair[2] = {a, b};

    for (int side = 0; side < 2; side++) {
        const struct disk *disk = &disks[pair[side]];

        for (size_t i = 0; i < disk->peers_n; i++)
            knows[side] |= memcmp(disk->peers[i], world->actors[pair[1 - side]].self.identity.org,
                                  RP_ID_LEN) == 0;
    }
    return knows[0] && knows[1] && !is_shut(&disks[a], b) && !is_shut(&disks[b], a);
}

/* Whether a node keeps an author's stories back since a restore: until it has met who was a peer
 * before, or its operator says otherwise. When it need not is found by still_withholds. */
static bool keeps_back(const struct world *world, unsigned node, unsigned author)
{
    const struct core *core = world->actors[node].core;
    struct org_view org;

    for (uint32_t i = 1; core_org(core, i, &org); i++) {
        if (memcmp(org.id, world->actors[author].self.identity.org, RP_ID_LEN) == 0)
            return core_withholds(core, i, SCOPE_COMMONS);
    }
    return false;
}

/* What of ${author}'s one holds and the other lacks, of what both should have. */
static bool hold_the_same(const struct world *world, const struct disk *disks, unsigned a,
                          unsigned b, unsigned author, char *why, size_t why_len)
{
    for (size_t i = 0; i < disks[a].n; i++) {
        const struct fact *fact = disks[a].held[i].fact;

        if (world_actor_of(world, fact->org) != &world->actors[author] ||
            fact->scope != TRUTH_COMMONS || disk_find(&disks[b], fact->id) != NULL ||
            (fact->is_story && keeps_back(world, a, author)))
            continue;
        if (why != NULL)
            snprintf(why, why_len,
                     "node %u holds a record (kind %d) of node %u that node %u does not hold", a,
                     (int)fact->kind, author, b);
        return false;
    }
    return true;
}

/* For each author: nodes that accept it, and are joined by such nodes, hold the same of it. */
static bool author_converged(const struct world *world, const struct disk *disks, unsigned author,
                             char *why, size_t why_len)
{
    unsigned n = world->plan.nodes;

    for (unsigned a = 0; a < n; a++) {
        for (unsigned b = 0; b < n; b++) {
            /* agreement of neighbours is agreement along every path */
            if (a == b || world->actors[a].liar || world->actors[b].liar ||
                !disks[a].accepted[author] || !disks[b].accepted[author] ||
                !are_joined(world, disks, a, b))
                continue;
            if (!hold_the_same(world, disks, a, b, author, why, why_len))
                return false;
        }
    }
    return true;
}

/* What of a circle's one holds and the other lacks. */
static bool ring_is_same(const struct world *world, const struct disk *disks, unsigned a,
                         unsigned b, size_t ring)
{
    for (size_t i = 0; i < disks[a].n; i++) {
        const struct fact *fact = disks[a].held[i].fact;

        if (memcmp(fact->scope_id, world->rings[ring].id, TRUTH_ID) == 0 &&
            disk_find(&disks[b], fact->id) == NULL)
            return false;
    }
    return true;
}

/* Whether two who have accepted the same circle come to be linked: as peers, or for circles alone.
 */
static bool will_meet(const struct world *world, const struct disk *disks, unsigned a, unsigned b)
{
    return are_joined(world, disks, a, b) ||
           (!is_shut(&disks[a], b) && !is_shut(&disks[b], a) && rings_can_call(world, a, b));
}

/* Nodes that have accepted a circle, and come to be linked, hold the same of it. */
static bool rings_converged(const struct world *world, const struct disk *disks, char *why,
                            size_t why_len)
{
    unsigned n = world->plan.nodes;

    for (size_t ring = 0; ring < world->rings_n; ring++) {
        for (unsigned a = 0; a < n; a++) {
            for (unsigned b = 0; b < n; b++) {
                if (a == b || world->actors[a].liar || world->actors[b].liar ||
                    !disks[a].in_ring[ring] || !disks[b].in_ring[ring] ||
                    !will_meet(world, disks, a, b) || ring_is_same(world, disks, a, b, ring))
                    continue;
                if (why != NULL)
                    snprintf(why, why_len, "node %u holds something of circle %zu that %u lacks", a,
                             ring, b);
                return false;
            }
        }
    }
    return true;
}

/* Whether the node still withholds its own stories after a restore, while linked with somebody
 * honest who was a peer before. */
static bool still_withholds(const struct world *world, const struct actor *actor)
{
    struct restored restored;
    struct peer_status peer;
    uint32_t awaited;

    if (!core_is_restored(actor->core, &restored, &awaited) ||
        !core_withholds(actor->core, ORG_SELF, SCOPE_COMMONS))
        return false;
    for (uint32_t i = 0; core_peer_status(actor->core, i, &peer); i++) {
        if (peer.linked && peer.entry->added < restored.since &&
            !world_actor_of(world, peer.entry->org)->liar)
            return true;
    }
    return false;
}

bool check_converged(struct world *world, char *why, size_t why_len)
{
    unsigned n = world->plan.nodes;
    struct disk *disks = calloc(n, sizeof *disks);
    bool converged = true;

    if (disks == NULL)
        abort();
    for (unsigned i = 0; i < n; i++) {
        read_disk(world, &world->actors[i], &disks[i]);
        if (!world->actors[i].liar && !is_in_step(&world->actors[i])) {
            converged = false;
            if (why != NULL)
                snprintf(why, why_len, "node %u has not written everything", i);
        }
        if (!world->actors[i].liar && still_withholds(world, &world->actors[i])) {
            converged = false;
            if (why != NULL)
                snprintf(why, why_len, "node %u was restored, and has not compared", i);
        }
        if (!world->actors[i].liar && disks[i].rotten > 0) {
            converged = false;
            if (why != NULL)
                snprintf(why, why_len, "node %u has a damaged record", i);
        }
    }
    for (unsigned author = 0; author < n && converged; author++)
        converged = author_converged(world, disks, author, why, why_len);
    if (converged)
        converged = rings_converged(world, disks, why, why_len);
    for (unsigned i = 0; i < n; i++)
        disk_free(&disks[i]);
    free(disks);
    return converged;
}
