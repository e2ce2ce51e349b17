#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "core/exchange.h"
#include "ingest/intake.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/rand.h"
#include "store/kv_lmdb.h"

#define MAP_BYTES (UINT64_C(64) << 30)
#define BATCH_EACH 50000 /* rows in one transaction */
#define START_MS UINT64_C(1795000000000)

static void new_key(struct rp_rand *rand, struct rp_key *key)
{
    uint8_t seed[RP_KEY_SEED_LEN];

    rp_rand_bytes(rand, seed, sizeof seed);
    rp_key_from_seed(key, seed);
}

static void new_inception(struct rp_rand *rand, const char *name, struct rp_key *key,
                          struct rp_bytes *inception)
{
    uint8_t next[RP_HASH_LEN];
    struct rp_key paper;

    new_key(rand, key);
    new_key(rand, &paper);
    rp_key_next_digest(next, paper.public);
    bench_check(rp_identity_incept(inception, key->public, next, name), name);
}

static void new_self(struct rp_rand *rand, const char *name, struct pair_self *own)
{
    struct rp_certificate certificate = {.serial = 1, .issued = START_MS, .name = "node"};
    uint8_t secret[RP_KEY_LEN];
    struct rp_key node;

    new_inception(rand, name, &own->key, &own->inception);
    bench_check(rp_identity_read(&own->self.identity, rp_bytes_slice(&own->inception)), name);
    rp_rand_bytes(rand, secret, sizeof secret);
    bench_check(rp_key_dh_from_secret(&own->noise, secret), name);
    new_key(rand, &node);
    memcpy(certificate.org, own->self.identity.org, RP_ID_LEN);
    memcpy(certificate.key, own->key.public, RP_KEY_LEN);
    memcpy(certificate.noise, own->noise.public, RP_KEY_LEN);
    memcpy(certificate.sign, node.public, RP_KEY_LEN);
    bench_check(rp_certificate_issue(&own->issued, &certificate, &own->key), name);
    bench_check(rp_certificate_prove(&own->proof, rp_bytes_slice(&own->issued),
                                     rp_bytes_slice(&own->inception), NULL, 0),
                name);
    own->self.inception = rp_bytes_slice(&own->inception);
    own->self.key = own->key;
    own->self.noise = own->noise;
    own->self.proof = rp_bytes_slice(&own->proof);
}

/* Takes in at once what the core wants taken in or stored; the rest is done by hand. */
static void carry_out(struct pair *pair, struct pair_side *side)
{
    struct core_effect effect;

    while (core_next_effect(side->core, &effect)) {
        struct intake *intake = NULL;

        if (effect.type == CORE_SUBMIT)
            intake = intake_record(&effect.submission);
        else if (effect.type == CORE_STORE)
            intake = intake_change(effect.change);
        if (intake == NULL)
            continue;
        intake_verify(intake, NULL);
        intake_write(side->kv, &intake, 1, ROOM_FOR_ALL, pair->now);
        intake_report(side->core, intake, pair->now);
        intake_free(intake);
    }
}

static void start(struct pair *pair, struct pair_side *side, struct rp_rand *rand)
{
    uint8_t seed[RP_RAND_SEED_LEN];
    struct core_opts opts = {
        .kv = side->kv,
        .self = &side->own.self,
        .seed = seed,
        .software = "rpbench",
        .trust_depth = 8,
        .check_ms = 3600000,
    };
    double cpu = bench_cpu();
    int err;

    rp_rand_bytes(rand, seed, sizeof seed);
    if ((side->core = core_new(&opts, pair->now, &err)) == NULL)
        bench_check(err, "a node cannot start");
    side->start_cpu = bench_cpu() - cpu;
    carry_out(pair, side);
}

static void put_row(struct kv_txn *txn, uint32_t org, const struct pair_row *row, bool remove)
{
    struct kv_key author = records_author_key(SCOPE_COMMONS, LANE_CONTENT, org);
    struct kv_key place = {.len = 0};
    struct rp_slice symbol = {row->symbol, RP_SYMBOL_LEN};

    kv_key_number(&author, row->seq, 8);
    if (remove) {
        kv_del(txn, KV_AUTHOR, kv_key_slice(&author));
        kv_del(txn, KV_SYMBOL, symbol);
        return;
    }
    kv_key_number(&place, row->seq, 8);
    kv_key_number(&place, org, 4);
    kv_key_number(&place, SCOPE_COMMONS, 4);
    kv_key_number(&place, LANE_CONTENT, 1);
    kv_put(txn, KV_AUTHOR, kv_key_slice(&author), symbol);
    kv_put(txn, KV_SYMBOL, symbol, kv_key_slice(&place));
}

static int compare_rows(const void *a, const void *b)
{
    return memcmp(((const struct pair_row *)a)->symbol, ((const struct pair_row *)b)->symbol,
                  RP_SYMBOL_LEN);
}

/* Fills a store with rows of one organisation; they come sorted by symbol, which LMDB likes. */
static void fill(struct pair_side *side, uint32_t org, const struct pair_row *rows, size_t n,
                 uint64_t last)
{
    static const uint8_t nothing[32] = {0};

    for (size_t at = 0; at < n;) {
        size_t end = n - at > BATCH_EACH ? at + BATCH_EACH : n;
        int err;
        struct batch *batch = batch_begin(side->kv, &err);
        struct kv_key key = {.len = 0};

        bench_check(err, "a store cannot be written");
        for (; at < end; at++) {
            put_row(batch_txn(batch), org, &rows[at], false);
            batch_sum(batch, (struct sum_key){SCOPE_COMMONS, LANE_CONTENT, org}, rows[at].symbol,
                      false);
        }
        /* the last number that was given: the log says so when a node starts */
        kv_key_number(&key, last, 8);
        kv_put(batch_txn(batch), KV_LOG, kv_key_slice(&key),
               (struct rp_slice){nothing, sizeof nothing});
        bench_check(batch_commit(batch), "a store cannot be written");
    }
}

static struct pair_row *make_rows(struct rp_rand *rand, uint64_t first, size_t n)
{
    struct pair_row *rows = malloc((n > 0 ? n : 1) * sizeof *rows);

    if (rows == NULL)
        bench_fail("out of memory");
    for (size_t i = 0; i < n; i++) {
        rows[i].seq = first + 2 * i;
        rp_rand_bytes(rand, rows[i].symbol, RP_SYMBOL_LEN);
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    return rows;
}

void pair_settle(struct pair *pair)
{
    bool moved = true;

    while (moved) {
        moved = pair_carry(pair, 0);
        moved = pair_carry(pair, 1) || moved;
    }
}

static void link_up(struct pair *pair)
{
    for (unsigned i = 0; i < 2; i++) {
        struct pair_side *side = &pair->sides[i];
        const uint8_t *other = pair->sides[1 - i].own.self.identity.org;

        side->link = i == 0 ? core_dialled(side->core, other, "other:1", pair->now)
                            : core_accept(side->core, "other:1", pair->now);
        if (side->link == NULL)
            bench_fail("no link can be made");
    }
}

static bool in_step(struct pair *pair)
{
    struct peer_status status;

    return core_peer_status(pair->sides[0].core, 0, &status) && status.state == PEER_IN_SYNC;
}

/* Lets time pass until both are in step: their own control records are exchanged as ever. */
static void get_in_step(struct pair *pair)
{
    for (unsigned turns = 0; !in_step(pair); turns++) {
        if (turns == 1000)
            bench_fail("two nodes do not get in step");
        pair_settle(pair);
        pair->now += 10;
        for (unsigned i = 0; i < 2; i++)
            core_tick(pair->sides[i].core, pair->now);
    }
}

/* An empty store, and a node in it that knows the others; which it leaves again. */
static void settle_in(struct pair *pair, unsigned i, struct rp_rand *rand,
                      const struct rp_bytes inceptions[static PAIR_ORGS])
{
    struct pair_side *side = &pair->sides[i];
    const struct act act = {.because = NULL};
    char path[300];
    struct kv_lmdb_opts opts = {.path = path, .create = true, .map_bytes = MAP_BYTES};
    int err;

    snprintf(path, sizeof path, "%s/%u", pair->folder, i);
    if (mkdir(path, 0700) != 0 || (side->kv = kv_lmdb_open(&opts, &err)) == NULL)
        bench_fail("no store can be made at %s", path);
    start(pair, side, rand);
    for (enum pair_org org = 0; org < PAIR_ORGS; org++) {
        struct rp_identity identity;

        bench_check(rp_identity_read(&identity, rp_bytes_slice(&inceptions[org])), "inception");
        if (org == PAIR_SHARED || i == 0)
            bench_check(core_accept_org(side->core, rp_bytes_slice(&inceptions[org]), pair->now),
                        "an organisation cannot be accepted");
        carry_out(pair, side);
        side->orgs[org] = trust_find(side->core, identity.org);
    }
    bench_check(core_add_peer(side->core, pair->sides[1 - i].own.self.identity.org, "other:1",
                              "other", &act, pair->now),
                "a peer cannot be added");
    carry_out(pair, side);
    core_free(side->core);
}

void pair_open(struct pair *pair, uint64_t records, uint64_t excluded, uint64_t seed)
{
    uint8_t seeds[RP_RAND_SEED_LEN] = {0};
    struct rp_bytes inceptions[PAIR_ORGS];
    struct pair_row *rows;
    struct rp_rand rand;
    struct rp_key key;

    *pair = (struct pair){.now = START_MS};
    memcpy(seeds, &seed, sizeof seed);
    rp_rand_init(&rand, seeds);
    bench_folder_new(pair->folder, sizeof pair->folder);
    for (unsigned i = 0; i < 2; i++)
        new_self(&rand, i == 0 ? "First" : "Second", &pair->sides[i].own);
    new_inception(&rand, "Library", &key, &inceptions[PAIR_SHARED]);
    new_inception(&rand, "Elsewhere", &key, &inceptions[PAIR_EXCLUDED]);
    for (unsigned i = 0; i < 2; i++)
        settle_in(pair, i, &rand, inceptions);
    rows = make_rows(&rand, 1000, records);
    for (unsigned i = 0; i < 2; i++)
        fill(&pair->sides[i], pair->sides[i].orgs[PAIR_SHARED], rows, records, 1000 + 2 * records);
    free(rows);
    rows = make_rows(&rand, 1002 + 2 * records, excluded);
    fill(&pair->sides[0], pair->sides[0].orgs[PAIR_EXCLUDED], rows, excluded,
         1002 + 2 * (records + excluded));
    free(rows);
    for (unsigned i = 0; i < 2; i++) {
        start(pair, &pair->sides[i], &rand);
        rp_bytes_free(&inceptions[i]);
    }
    link_up(pair);
    get_in_step(pair);
    pair_reset(pair);
}

void pair_close(struct pair *pair)
{
    for (unsigned i = 0; i < 2; i++) {
        struct pair_side *side = &pair->sides[i];

        core_free(side->core);
        kv_lmdb_close(side->kv);
        rp_bytes_free(&side->own.inception);
        rp_bytes_free(&side->own.issued);
        rp_bytes_free(&side->own.proof);
    }
    bench_folder_remove(pair->folder);
}

static struct place place_of(const struct pair_side *side, const struct pair_row *row)
{
    return (struct place){.seq = row->seq,
                          .org = side->orgs[PAIR_SHARED],
                          .scope = SCOPE_COMMONS,
                          .lane = LANE_CONTENT};
}

/* The rows in the store alone. */
static void store_rows(struct pair_side *side, const struct pair_row *rows, size_t n, bool remove)
{
    int err;
    struct kv_txn *txn = kv_begin(side->kv, true, &err);

    bench_check(err, "a store cannot be written");
    for (size_t i = 0; i < n; i++)
        put_row(txn, side->orgs[PAIR_SHARED], &rows[i], remove);
    bench_check(kv_commit(txn), "a store cannot be written");
}

double pair_add(struct pair *pair, unsigned side, const struct pair_row *rows, size_t n)
{
    struct pair_side *s = &pair->sides[side];
    uint32_t cells = s->core->commons.sets[RP_SET_CONTENT].cells_n;
    double cpu;

    store_rows(s, rows, n, false);
    cpu = bench_cpu();
    for (size_t i = 0; i < n; i++) {
        struct place place = place_of(s, &rows[i]);

        sets_add(s->core, rows[i].symbol, &place);
    }
    cpu = bench_cpu() - cpu;
    if (s->core->commons.sets[RP_SET_CONTENT].cells_n > cells) {
        /* what grew meanwhile was read from a store in which the last rows come first */
        s->core->commons.sets[RP_SET_CONTENT].doubtful = true;
        sets_retry(s->core, 0);
    }
    return cpu;
}

void pair_remove(struct pair *pair, unsigned side, const struct pair_row *rows, size_t n)
{
    struct pair_side *s = &pair->sides[side];

    for (size_t i = 0; i < n; i++) {
        struct place place = place_of(s, &rows[i]);

        sets_remove(s->core, rows[i].symbol, &place);
    }
    store_rows(s, rows, n, true);
}

static int transmit(struct pair *pair, struct pair_side *side, bool all, struct rp_slice *bytes)
{
    return all ? core_transmit(side->core, side->link, bytes, pair->now)
               : rp_session_transmit(side->link->session, bytes);
}

static bool carry(struct pair *pair, unsigned from, bool all)
{
    struct pair_side *sender = &pair->sides[from];
    struct pair_side *receiver = &pair->sides[1 - from];
    bool any = false;

    for (;;) {
        double cpu = bench_cpu();
        struct rp_slice bytes;
        int err = transmit(pair, sender, all, &bytes);
        double sent = bench_cpu();

        sender->cpu += sent - cpu;
        if (err != RP_OK || bytes.len == 0)
            break;
        sender->bytes += bytes.len;
        sender->messages++;
        bench_check(core_receive(receiver->core, receiver->link, bytes, pair->now),
                    "a link failed");
        while (cells_due(receiver->link))
            cells_tick(receiver->core, pair->now);
        receiver->cpu += bench_cpu() - sent;
        any = true;
    }
    carry_out(pair, sender);
    carry_out(pair, receiver);
    return any;
}

bool pair_carry(struct pair *pair, unsigned from)
{
    return carry(pair, from, true);
}

bool pair_carry_queued(struct pair *pair, unsigned from)
{
    return carry(pair, from, false);
}

void pair_compare(struct pair *pair)
{
    struct pair_side *first = &pair->sides[0];
    double cpu;

    pair->now += 1000;
    bench_check(core_compare(first->core, pair->sides[1].own.self.identity.org, pair->now),
                "a comparison cannot begin");
    cpu = bench_cpu();
    core_tick(first->core, pair->now);
    first->cpu += bench_cpu() - cpu;
}

void pair_reset(struct pair *pair)
{
    for (unsigned i = 0; i < 2; i++) {
        pair->sides[i].bytes = 0;
        pair->sides[i].messages = 0;
        pair->sides[i].cpu = 0;
    }
}
