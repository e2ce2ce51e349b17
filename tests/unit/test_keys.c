#include "support/circle.h"
#include "support/kv_mem.h"

#include "author/author.h"
#include "rp/rand.h"
#include "store/chain.h"
#include "view/view.h"

/* Successions: which records are an organisation's once its key was replaced (SPEC 2.2). */

#define MADE UINT64_C(1790000000000)
#define ORDERS 1000
#define RECORDS_MAX 32

static struct mesh mesh;

static struct rp_key key_of(unsigned number)
{
    uint8_t seed[RP_KEY_SEED_LEN];
    struct rp_key key;

    unit_fill(seed, 7000 + number);
    rp_key_from_seed(&key, seed);
    return key;
}

/* A succession of ${org} by ${signer}, after which ${key} signs; ${ids} are what it stands by. */
static struct rp_bytes succession(const struct sample_org *org, const struct rp_key *signer,
                                  const struct rp_key *key, struct rp_succession *as)
{
    uint8_t seed[RP_RAND_SEED_LEN];
    struct rp_rand rand;
    struct author author = {signer, org->identity.org, &rand, MADE + as->number};
    struct rp_key next = key_of(100 + (unsigned)as->number);
    struct rp_bytes packed;

    unit_fill(seed, (unsigned)as->number);
    rp_rand_init(&rand, seed);
    memcpy(as->key, key->public, RP_KEY_LEN);
    rp_key_next_digest(as->next, next.public);
    assert_ok(author_succession(&packed, &author, as));
    return packed;
}

static void id_of(const struct rp_bytes *packed, uint8_t id[static RP_ID_LEN])
{
    struct rp_opened opened;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(packed)));
    memcpy(id, opened.record.id, RP_ID_LEN);
    rp_record_close(&opened);
}

/* The drill: a key is stolen and used, and the paper key takes over. */

struct drill_record {
    const char *what;
    struct rp_bytes packed;
    uint8_t id[RP_ID_LEN];
    bool after_theft; /* whether it is a member once the succession is known, and ... */
    bool at_fork;     /* ... once there are two of them */
};

struct drill {
    struct sample_org org;
    struct sample_org other;
    struct rp_key teller;
    struct rp_key key;
    struct drill_record records[RECORDS_MAX];
    unsigned n;
};

static struct drill drill;

static struct drill_record *add(const char *what, struct rp_bytes packed, bool after_theft,
                                bool at_fork)
{
    struct drill_record *record = &drill.records[drill.n++];

    assert_in_range(drill.n, 1, RECORDS_MAX);
    *record = (struct drill_record){
        .what = what, .packed = packed, .after_theft = after_theft, .at_fork = at_fork};
    id_of(&packed, record->id);
    return record;
}

/* Fields of the ${number}th thing of the organisation, signed by ${key}. */
static struct rp_bytes write_as(unsigned number, const struct rp_key *key, const char *kind,
                                struct rp_bytes content, unsigned salt, const struct rp_key *teller,
                                const uint8_t *parent)
{
    struct rp_record fields = sample_fields(&drill.org, number, rp_bytes_slice(&content));
    struct rp_bytes packed;
    bool is_content = strcmp(kind, "pattern") == 0 || strcmp(kind, "story") == 0;

    fields.set = is_content ? RP_SET_CONTENT : RP_SET_CONTROL;
    fields.kind = rp_bytes_str(kind);
    fields.made = MADE + 100 * number + salt;
    fields.salt[0] = (uint8_t)salt;
    memcpy(fields.key, key->public, RP_KEY_LEN);
    if (teller != NULL) {
        fields.has_teller = true;
        memcpy(fields.teller, teller->public, RP_KEY_LEN);
    }
    if (parent != NULL) {
        fields.parents = 1;
        memcpy(fields.parent_ids[0], parent, RP_ID_LEN);
    }
    packed = sample_pack(&fields, key);
    rp_bytes_free(&content);
    return packed;
}

static struct rp_bytes pattern(unsigned number, const struct rp_key *key, unsigned salt)
{
    return write_as(number, key, "pattern", sample_content("A pattern"), salt, NULL, NULL);
}

static struct rp_bytes empty_map(void)
{
    struct rp_writer w;
    struct rp_bytes content;

    rp_writer_init(&w, 100);
    rp_writer_map(&w, 0);
    assert_ok(rp_writer_take(&w, &content));
    return content;
}

static struct rp_bytes withdrawal(unsigned number, const struct rp_key *key, unsigned salt)
{
    return write_as(number, key, "withdrawal", empty_map(), salt, NULL, NULL);
}

static struct rp_bytes withdrawal_of_version(unsigned number, const struct rp_key *key,
                                             const uint8_t *id)
{
    struct rp_writer w;
    struct rp_bytes content;

    rp_writer_init(&w, 100);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "versions");
    rp_writer_array(&w, 1);
    rp_writer_bin(&w, id, RP_ID_LEN);
    assert_ok(rp_writer_take(&w, &content));
    return write_as(number, key, "withdrawal", content, 60, NULL, NULL);
}

/* {"slip": ...}, by which ${key} agreed to the teller's key for the ${number}th thing. */
static struct rp_bytes slip(unsigned number, const struct rp_key *key)
{
    struct rp_bytes title = sample_content("x");
    struct rp_record fields = sample_fields(&drill.org, number, rp_bytes_slice(&title));
    uint8_t object[RP_ID_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_bytes content;
    struct rp_writer w;

    rp_record_object(object, fields.org, fields.seed, drill.teller.public);
    rp_key_sign(sig, key, RP_DOMAIN_SIGN_SLIP, object);
    rp_writer_init(&w, 200);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "slip");
    rp_writer_bin(&w, sig, sizeof sig);
    assert_ok(rp_writer_take(&w, &content));
    rp_bytes_free(&title);
    return content;
}

static struct rp_bytes inception(const struct rp_key *key)
{
    struct rp_bytes content;
    struct rp_writer w;

    rp_writer_init(&w, 1000);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "inception");
    rp_writer_bin(&w, drill.org.inception.data, drill.org.inception.len);
    assert_ok(rp_writer_take(&w, &content));
    return write_as(0, key, "identity", content, 1, NULL, NULL);
}

static struct rp_bytes vouch(unsigned salt)
{
    struct rp_bytes content;
    struct rp_writer w;

    rp_writer_init(&w, 1000);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "inception");
    rp_writer_bin(&w, drill.other.inception.data, drill.other.inception.len);
    rp_writer_str(&w, "subject");
    rp_writer_bin(&w, drill.other.identity.org, RP_ID_LEN);
    assert_ok(rp_writer_take(&w, &content));
    return write_as(50 + salt, &drill.org.key, "vouch", content, salt, NULL, NULL);
}

static void drill_init(bool fork)
{
    struct rp_succession first = {.number = 1, .listed = true};
    struct rp_succession rival = {.number = 1};
    struct rp_succession stolen = {.number = 1};
    struct rp_key rival_key = key_of(2);
    struct rp_key *old;
    const struct rp_key *new;

    drill = (struct drill){.org = sample_org_new(1),
                           .other = sample_org_new(2),
                           .teller = key_of(3),
                           .key = key_of(1)};
    old = &drill.org.key;
    new = &drill.key;
    struct drill_record *listed[] = {
        add("a pattern that the thief withdrew", pattern(1, old, 1), true, false),
        add("a pattern that was withdrawn before", pattern(3, old, 1), false, false),
        add("its withdrawal", withdrawal(3, old, 2), true, true),
        add("a teller's story, withdrawn by the teller",
            write_as(4, old, "story", slip(4, old), 1, &drill.teller, NULL), false, false),
        add("a pattern that is withdrawn by the new key", pattern(5, old, 1), false, true),
        add("a vouch", vouch(1), true, true),
    };
    add("the inception as the old key published it", inception(old), false, true);
    add("a pattern that was forgotten", pattern(2, old, 1), false, true);
    add("the thief's withdrawal", withdrawal(1, old, 2), false, true);
    add("the thief's withdrawal of that version", withdrawal_of_version(1, old, listed[0]->id),
        false, true);
    add("the thief's withdrawal of what was withdrawn", withdrawal(3, old, 9), false, true);
    add("the thief's version",
        write_as(1, old, "pattern", sample_content("x"), 7, NULL, listed[0]->id), false, false);
    add("the thief's pattern", pattern(9, old, 1), false, true);
    add("the thief's vouch", vouch(2), false, true);
    add("the thief's succession", succession(&drill.org, old, &rival_key, &stolen), false, false);
    add("the teller's withdrawal",
        write_as(4, &drill.teller, "withdrawal", slip(4, old), 2, &drill.teller, NULL), true, true);
    add("a pattern by the new key", pattern(6, new, 1), true, false);
    add("what was forgotten, published anew", pattern(2, new, 2), true, false);
    add("a withdrawal by the new key", withdrawal(5, new, 2), true, false);
    add("a pattern by the paper key", pattern(7, &drill.org.paper, 1), false, false);
    add("the inception as the new key published it", inception(new), true, false);
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        memcpy(first.ids[first.stands_by++], listed[i]->id, RP_ID_LEN);
    add("the succession", succession(&drill.org, &drill.org.paper, new, &first), true, true);
    if (fork)
        add("another of that number", succession(&drill.org, &drill.org.paper, &rival_key, &rival),
            false, true);
}

static void drill_free(void)
{
    for (unsigned i = 0; i < drill.n; i++)
        rp_bytes_free(&drill.records[i].packed);
    sample_org_free(&drill.org);
    sample_org_free(&drill.other);
}

static bool is_stored(const uint8_t *id)
{
    struct kv_txn *txn;
    struct place place;
    bool found;
    int err;

    txn = kv_begin(mesh.nodes[0].kv, false, &err);
    assert_non_null(txn);
    found = records_find(txn, id, &place);
    kv_abort(txn);
    return found;
}

/* Hands all records over in this order, and again those that were refused, as long as that changes
 * anything: so it is when they are offered and fetched. */
static void deliver(const unsigned *order)
{
    bool changed = true;

    for (int round = 0; changed; round++) {
        changed = false;
        assert_in_range(round, 0, 9);
        for (unsigned i = 0; i < drill.n; i++) {
            const struct rp_bytes *from = &drill.records[order[i]].packed;
            struct rp_bytes packed;

            if (is_stored(drill.records[order[i]].id))
                continue;
            assert_ok(rp_bytes_copy(&packed, from->data, from->len));
            changed |= mesh_submit(&mesh, 0, &packed) == RP_OK;
        }
    }
    mesh_run(&mesh, 1);
}

/* Everything that a reader is shown, one answer after the other. */
static void gather_answers(struct rp_writer *w)
{
    struct view_source source = {.kv = mesh.nodes[0].kv,
                                 .core = mesh.nodes[0].core,
                                 .self = &mesh.nodes[0].self,
                                 .now_ms = mesh.now};
    struct view_list list = {.more = true};
    int err;

    while (view_list_next(&list, w, &source, &err) || list.more)
        list.looked = 0;
    assert_ok(w->err);
}

struct result {
    struct rp_tally tallies[RP_SETS];
    struct org_view org;
    struct rp_writer answers;
};

static void drill_once(const unsigned *order, bool fork, struct result *out)
{
    mesh_init(&mesh, 1);
    mesh_run(&mesh, 60000);
    assert_ok(core_accept_org(mesh.nodes[0].core, rp_bytes_slice(&drill.org.inception), mesh.now));
    mesh_run(&mesh, 1);
    deliver(order);
    for (unsigned i = 0; i < drill.n; i++) {
        const struct drill_record *record = &drill.records[i];

        if (is_stored(record->id) != (fork ? record->at_fork : record->after_theft))
            fail_msg("%s: stored %d", record->what, is_stored(record->id));
    }
    for (enum rp_set set = 0; set < RP_SETS; set++)
        core_tally(mesh.nodes[0].core, set, &out->tallies[set]);
    assert_true(core_org(mesh.nodes[0].core, 2, &out->org));
    out->org.id = NULL;
    out->org.name = NULL;
    out->org.false_successions = out->org.false_successions > 0;
    rp_writer_init(&out->answers, RP_FRAME_MAX);
    gather_answers(&out->answers);
    mesh_free(&mesh);
}

static void in_any_order(bool fork)
{
    uint8_t seed[RP_RAND_SEED_LEN];
    unsigned order[RECORDS_MAX];
    struct result first = {0};
    struct rp_rand rand;

    drill_init(fork);
    unit_fill(seed, 5);
    rp_rand_init(&rand, seed);
    for (unsigned i = 0; i < drill.n; i++)
        order[i] = i;
    for (unsigned round = 0; round < ORDERS; round++) {
        struct result result = {0};

        drill_once(order, fork, &result);
        if (round == 0) {
            first = result;
            assert_true(first.answers.len > 100);
            assert_int_equal(first.org.successions, fork ? 0 : 1);
            assert_int_equal(first.org.forked, fork);
            assert_int_equal(first.org.false_successions, 1);
        } else {
            assert_memory_equal(result.tallies, first.tallies, sizeof first.tallies);
            assert_memory_equal(&result.org, &first.org, sizeof first.org);
            assert_int_equal(result.answers.len, first.answers.len);
            assert_memory_equal(result.answers.data, first.answers.data, first.answers.len);
            rp_writer_free(&result.answers);
        }
        for (unsigned i = drill.n - 1; i > 0; i--) {
            unsigned k = (unsigned)rp_rand_below(&rand, i + 1);
            unsigned swap = order[i];

            order[i] = order[k];
            order[k] = swap;
        }
    }
    rp_writer_free(&first.answers);
    drill_free();
}

static void after_a_theft_all_orders_end_the_same(void **state)
{
    (void)state;
    in_any_order(false);
}

static void at_a_fork_all_orders_end_the_same(void **state)
{
    (void)state;
    in_any_order(true);
}

/* Links */

/* Gives a node its organisation's new key, as from now on its home says; started anew. */
static void replace_key(unsigned node, struct rp_bytes *step, const struct rp_key *key)
{
    struct mesh_node *n = &mesh.nodes[node];
    struct rp_certificate certificate = {.serial = 2, .issued = MADE, .name = "node"};
    struct rp_slice steps = rp_bytes_slice(step);
    struct rp_bytes issued;

    memcpy(certificate.org, n->self.identity.org, RP_ID_LEN);
    memcpy(certificate.key, key->public, RP_KEY_LEN);
    memcpy(certificate.noise, n->noise.public, RP_KEY_LEN);
    assert_ok(rp_certificate_issue(&issued, &certificate, key));
    mesh_stop(&mesh, node);
    rp_bytes_free(&n->proof);
    assert_ok(rp_certificate_prove(&n->proof, rp_bytes_slice(&issued),
                                   rp_bytes_slice(&n->org.inception), &steps, 1));
    rp_bytes_free(&issued);
    n->self.proof = rp_bytes_slice(&n->proof);
    n->self.key = n->org.key = *key;
    n->self.successions = 1;
    n->self.succession[0] = steps;
    mesh_start(&mesh, node);
}

static struct org_view org_at(unsigned node, unsigned of)
{
    const uint8_t *id = mesh.nodes[of].self.identity.org;
    struct org_view view;

    for (uint32_t i = 1; core_org(mesh.nodes[node].core, i, &view); i++) {
        if (memcmp(view.id, id, RP_ID_LEN) == 0)
            return view;
    }
    fail_msg("node %u does not know %u", node, of);
    return view;
}

static void a_new_key_is_followed_along_the_chain(void **state)
{
    struct rp_key key = key_of(1);
    struct rp_succession as = {.number = 1};
    struct peer_status status;
    struct rp_bytes step;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    mesh_publish(&mesh, 2, 1);
    mesh_run(&mesh, 1000);
    step = succession(&mesh.nodes[2].org, &mesh.nodes[2].org.paper, &key, &as);
    replace_key(2, &step, &key);
    mesh_run(&mesh, 1);
    mesh_publish(&mesh, 2, 2);
    mesh_run(&mesh, 5000);
    assert_true(mesh_equal(&mesh, 0, 2));
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 2);
    assert_int_equal(org_at(0, 2).successions, 1);
    assert_true(core_peer_status(mesh.nodes[2].core, 0, &status));
    assert_int_equal(status.state, PEER_IN_SYNC);
    mesh_free(&mesh);
    rp_bytes_free(&step);
}

static void what_was_listed_stays_and_peers_are_vouched_for_anew(void **state)
{
    struct rp_key key = key_of(1);
    struct rp_succession as = {.number = 1, .listed = true, .stands_by = 1};
    struct rp_bytes first;
    struct rp_bytes step;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    first = sample_pattern(&mesh.nodes[1].org, 1);
    id_of(&first, as.ids[0]);
    for (unsigned i = 1; i < 4; i++)
        mesh_publish(&mesh, 1, i);
    mesh_run(&mesh, 1000);
    step = succession(&mesh.nodes[1].org, &mesh.nodes[1].org.paper, &key, &as);
    replace_key(1, &step, &key);
    mesh_run(&mesh, 9000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(mesh_count(&mesh, i, RP_SET_CONTENT), 1);
    /* three identities, a succession, and each vouch: two of node 1's were written anew */
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTROL), 8);
    assert_true(mesh_equal(&mesh, 0, 1));
    assert_true(mesh_equal(&mesh, 0, 2));
    assert_true(org_at(0, 2).accepted); /* by the new vouch */
    mesh_free(&mesh);
    rp_bytes_free(&first);
    rp_bytes_free(&step);
}

static void a_certificate_by_an_old_key_is_refused(void **state)
{
    struct rp_key key = key_of(1);
    struct rp_succession as = {.number = 1};
    struct peer_status status;
    struct rp_bytes step;
    struct rp_bytes copy;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    step = succession(&mesh.nodes[1].org, &mesh.nodes[1].org.paper, &key, &as);
    assert_ok(rp_bytes_copy(&copy, step.data, step.len));
    assert_ok(mesh_submit(&mesh, 0, &copy)); /* a live link ends by that */
    mesh_run(&mesh, 100);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.state, PEER_REFUSED);
    assert_string_equal(status.why_code, "superseded");
    mesh_run(&mesh, 100000); /* however often it calls, or is called */
    for (unsigned i = 0; i < 2; i++) {
        assert_true(core_peer_status(mesh.nodes[i].core, 0, &status));
        assert_false(status.linked);
        assert_string_equal(status.why_code, "superseded");
    }
    replace_key(1, &step, &key);
    mesh_run(&mesh, 400000);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(core_peer_status(mesh.nodes[i].core, 0, &status));
        assert_int_equal(status.state, PEER_IN_SYNC);
    }
    mesh_free(&mesh);
    rp_bytes_free(&step);
}

static void of_two_successions_neither_is_followed(void **state)
{
    struct rp_key keys[2] = {key_of(1), key_of(2)};
    struct rp_succession as = {.number = 1};
    struct peer_status status;
    struct rp_bytes steps[2];
    struct rp_bytes copy;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    for (int i = 0; i < 2; i++)
        steps[i] = succession(&mesh.nodes[1].org, &mesh.nodes[1].org.paper, &keys[i], &as);
    assert_ok(rp_bytes_copy(&copy, steps[0].data, steps[0].len));
    assert_ok(mesh_submit(&mesh, 0, &copy));
    replace_key(1, &steps[1], &keys[1]); /* whose proof brings the other one */
    mesh_run(&mesh, 5000);
    assert_true(org_at(0, 1).forked);
    assert_int_equal(org_at(0, 1).successions, 0);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.state, PEER_REFUSED);
    assert_string_equal(status.why_code, "forked");
    mesh_free(&mesh);
    for (int i = 0; i < 2; i++)
        rp_bytes_free(&steps[i]);
}

/* A chain survives on disk, and a longer list than any succession has is none. */
static void a_chain_is_what_it_was_after_a_restart(void **state)
{
    struct rp_key key = key_of(1);
    struct rp_succession as = {.number = 1, .listed = true, .stands_by = RP_STANDS_BY_MAX};
    struct rp_bytes step;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    for (unsigned i = 0; i < RP_STANDS_BY_MAX; i++)
        unit_fill(as.ids[i], 900 + i);
    step = succession(&mesh.nodes[1].org, &mesh.nodes[1].org.paper, &key, &as);
    assert_ok(mesh_submit(&mesh, 0, &step));
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    assert_int_equal(org_at(0, 1).successions, 1);
    mesh_free(&mesh);
}

/* What comes again in place of a damaged record is the same step, and no second one. */
static void a_damaged_succession_makes_no_fork(void **state)
{
    struct rp_succession as = {.number = 1};
    struct core_counters counters;
    struct rp_key key = key_of(1);
    struct rp_bytes step;
    size_t rows = 0;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    mesh_publish(&mesh, 1, 1);
    mesh_run(&mesh, 1000);
    step = succession(&mesh.nodes[1].org, &mesh.nodes[1].org.paper, &key, &as);
    replace_key(1, &step, &key);
    mesh_run(&mesh, 1);
    mesh_publish(&mesh, 1, 2);
    mesh_run(&mesh, 5000);
    assert_int_equal(org_at(0, 1).successions, 1);
    while (kv_mem_rot(mesh.nodes[0].kv, KV_LOG, rows, 20, 300))
        rows++;
    mesh_run(&mesh, 60000);
    core_counters(mesh.nodes[0].core, &counters);
    assert_int_equal(counters.damaged, rows);
    assert_int_equal(org_at(0, 1).successions, 1);
    assert_false(org_at(0, 1).forked);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 2);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
    rp_bytes_free(&step);
}

/* A member that is not accepted in the commons, and has no link with everybody, is followed too. */
static void members_of_a_circle_are_told_each_others_keys(void **state)
{
    const struct act act = {"we do not get on", 0};
    const unsigned others[] = {0, 2};
    struct rp_succession as = {.number = 1};
    struct rp_key key = key_of(1);
    struct rp_bytes step;
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 3);
    assert_ok(core_block(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, &act, mesh.now));
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    found(&mesh, 1, others, 2, id);
    step = succession(&mesh.nodes[2].org, &mesh.nodes[2].org.paper, &key, &as);
    replace_key(2, &step, &key);
    mesh_run(&mesh, 1000);
    assert_int_equal(org_at(0, 2).successions, 1); /* while it was compared */
    assert_ok(publish_in(&mesh, 2, id, 1));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 0, 0).records, 1);
    mesh_free(&mesh);
    rp_bytes_free(&step);
}

/* Who comes later hears of it when both have accepted the circle. */
static void a_new_member_is_told_of_keys_replaced_before(void **state)
{
    const struct act act = {"we do not get on", 0};
    const unsigned others[] = {0, 2};
    struct rp_succession as = {.number = 1};
    struct rp_key key = key_of(1);
    struct rp_bytes step;
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 3);
    assert_ok(core_block(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, &act, mesh.now));
    mesh_join(&mesh, 1, 2);
    step = succession(&mesh.nodes[2].org, &mesh.nodes[2].org.paper, &key, &as);
    replace_key(2, &step, &key);
    mesh_run(&mesh, 1000);
    mesh_join(&mesh, 0, 1);
    found(&mesh, 1, others, 2, id);
    mesh_run(&mesh, 1000);
    assert_int_equal(org_at(0, 2).successions, 1);
    assert_ok(publish_in(&mesh, 2, id, 1));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 0, 0).records, 1);
    mesh_free(&mesh);
    rp_bytes_free(&step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_theft_all_orders_end_the_same),
        cmocka_unit_test(at_a_fork_all_orders_end_the_same),
        cmocka_unit_test(a_new_key_is_followed_along_the_chain),
        cmocka_unit_test(what_was_listed_stays_and_peers_are_vouched_for_anew),
        cmocka_unit_test(a_certificate_by_an_old_key_is_refused),
        cmocka_unit_test(of_two_successions_neither_is_followed),
        cmocka_unit_test(a_chain_is_what_it_was_after_a_restart),
        cmocka_unit_test(a_damaged_succession_makes_no_fork),
        cmocka_unit_test(members_of_a_circle_are_told_each_others_keys),
        cmocka_unit_test(a_new_member_is_told_of_keys_replaced_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
