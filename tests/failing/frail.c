#include "frail.h"

#include <stdio.h>

#include "alloc.h"
#include "ingest/intake.h"
#include "rp/rand.h"
#include "support/kv_mem.h"

/* The store in memory takes changes back by making others, which a disk does not need. */
static const struct kv_ops *mem_ops;

static void quiet_abort(struct kv_txn *txn)
{
    alloc_hold();
    mem_ops->abort(txn);
    alloc_release();
}

struct kv *frail_kv_new(void)
{
    static struct kv_ops ops;
    struct kv *kv = kv_mem_new();

    assert_non_null(kv);
    mem_ops = kv->ops;
    ops = *mem_ops;
    ops.abort = quiet_abort;
    kv->ops = &ops;
    return kv;
}

/* Everything that ${from} holds. */
static void copy_store(struct kv *from, struct kv *to)
{
    int err;
    struct kv_txn *in = kv_begin(from, false, &err);
    struct kv_txn *out = kv_begin(to, true, &err);

    assert_non_null(in);
    assert_non_null(out);
    for (enum kv_table table = 0; table < KV_TABLES; table++) {
        struct kv_iter it;

        for (kv_first(&it, in, table, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
            kv_put(out, table, it.key, it.value);
    }
    kv_abort(in);
    assert_ok(kv_commit(out));
}

int frail_start(struct frail *frail, unsigned i)
{
    struct frail_node *node = &frail->nodes[i];
    uint8_t seed[RP_RAND_SEED_LEN];
    char address[16];
    const char *addresses = address;
    struct core_opts opts = {
        .kv = node->kv,
        .self = &node->self,
        .seed = seed,
        .software = "frail",
        .trust_depth = 8,
        .check_ms = 60000,
        .scrub_ms = frail->scrub_ms,
        .vouch = true,
    };
    int err;

    unit_fill(seed, 100 * i + node->starts++);
    FRAIL(node->core = core_new(&opts, frail->now, &err));
    if (node->core == NULL) {
        assert_int_not_equal(err, RP_OK);
        return err;
    }
    snprintf(address, sizeof address, "%u:1", i);
    core_set_addresses(node->core, &addresses, 1);
    return RP_OK;
}

void frail_init(struct frail *frail, const struct frail *like)
{
    *frail = (struct frail){.now = like != NULL ? like->now : 1795000000000};
    for (unsigned i = 0; i < 2; i++) {
        struct frail_node *node = &frail->nodes[i];

        node->org = sample_org_new(i);
        node->noise = sample_noise_key(i);
        node->proof = sample_proof(&node->org, &node->noise);
        node->issued = sample_issued(&node->org, &node->noise);
        node->self = (struct self){
            .identity = node->org.identity,
            .inception = rp_bytes_slice(&node->org.inception),
            .key = node->org.key,
            .noise = node->noise,
            .proof = rp_bytes_slice(&node->proof),
            .node = sample_node_key(&node->noise),
            .issued = rp_bytes_slice(&node->issued),
        };
        node->kv = frail_kv_new();
        node->starts = 10; /* other chance than who made the store */
        if (like != NULL)
            copy_store(like->nodes[i].kv, node->kv);
    }
}

static void close_end(struct frail *frail, struct frail_pipe *pipe, int end)
{
    struct core *core = frail->nodes[pipe->node[end]].core;

    if (pipe->link[end] != NULL && core != NULL)
        FRAIL(core_closed(core, pipe->link[end], frail->now));
    pipe->link[end] = NULL;
}

void frail_stop(struct frail *frail, unsigned i)
{
    for (struct frail_pipe *pipe = frail->pipes; pipe != NULL; pipe = pipe->next) {
        for (int end = 0; end < 2; end++) {
            if (pipe->node[end] == i)
                close_end(frail, pipe, end);
        }
    }
    core_free(frail->nodes[i].core);
    frail->nodes[i].core = NULL;
}

void frail_free(struct frail *frail)
{
    for (unsigned i = 0; i < 2; i++) {
        frail_stop(frail, i);
        kv_mem_free(frail->nodes[i].kv);
        rp_bytes_free(&frail->nodes[i].proof);
        rp_bytes_free(&frail->nodes[i].issued);
        sample_org_free(&frail->nodes[i].org);
    }
    while (frail->pipes != NULL) {
        struct frail_pipe *pipe = frail->pipes;

        frail->pipes = pipe->next;
        rp_bytes_free(&pipe->queue[0]);
        rp_bytes_free(&pipe->queue[1]);
        free(pipe);
    }
}

static void dial(struct frail *frail, unsigned from, const struct core_effect *effect)
{
    unsigned to = 1 - from;
    struct core *caller = frail->nodes[from].core;
    struct frail_pipe *pipe;

    if (frail->nodes[to].core == NULL) {
        FRAIL(core_dial_failed(caller, effect->org, "connection refused", frail->now));
        return;
    }
    pipe = calloc(1, sizeof *pipe);
    assert_non_null(pipe);
    pipe->node[0] = from;
    pipe->node[1] = to;
    FRAIL(pipe->link[0] = core_dialled(caller, effect->org, effect->address, frail->now));
    FRAIL(pipe->link[1] = core_accept(frail->nodes[to].core, "caller:1", frail->now));
    pipe->next = frail->pipes;
    frail->pipes = pipe;
}

static int take_in(struct frail *frail, unsigned i, struct intake *intake, struct intake *lost)
{
    struct frail_node *node = &frail->nodes[i];
    int err = RP_ERR_NOMEM;

    alloc_on();
    if (intake == NULL) { /* as the node does */
        intake_report(node->core, lost, frail->now);
        core_submission_free(&lost->submission);
    } else {
        intake_verify(intake, NULL);
        intake_write(node->kv, &intake, 1, ROOM_FOR_ALL, frail->now);
        intake_report(node->core, intake, frail->now);
        err = intake->err;
        intake_free(intake);
    }
    alloc_off();
    return err;
}

static int take_record(struct frail *frail, unsigned i, const struct submission *submission)
{
    struct intake lost = {.submission = *submission, .err = RP_ERR_NOMEM};
    struct intake *intake;

    FRAIL(intake = intake_record(submission));
    return take_in(frail, i, intake, &lost);
}

static void take_change(struct frail *frail, unsigned i, struct change *change)
{
    struct intake lost = {.is_change = true, .change = change, .err = RP_ERR_NOMEM};
    struct intake *intake;

    FRAIL(intake = intake_change(change));
    (void)take_in(frail, i, intake, &lost);
}

static bool carry_out(struct frail *frail, unsigned i)
{
    struct core_effect effect;
    bool found;

    FRAIL(found = core_next_effect(frail->nodes[i].core, &effect));
    if (!found)
        return false;
    switch (effect.type) {
    case CORE_DIAL:
        dial(frail, i, &effect);
        break;
    case CORE_SUBMIT:
        (void)take_record(frail, i, &effect.submission);
        break;
    case CORE_STORE:
        take_change(frail, i, effect.change);
        break;
    case CORE_CLOSE:
        for (struct frail_pipe *pipe = frail->pipes; pipe != NULL; pipe = pipe->next) {
            for (int end = 0; end < 2; end++)
                pipe->ending[end] |= pipe->link[end] == effect.link;
        }
        break;
    case CORE_WAKE:
        break;
    }
    return true;
}

static bool pull(struct frail *frail, struct frail_pipe *pipe, int end)
{
    struct core *core = frail->nodes[pipe->node[end]].core;
    struct rp_bytes *queue = &pipe->queue[1 - end];
    bool any = false;

    while (pipe->link[end] != NULL) {
        struct rp_slice bytes = {NULL, 0};
        int err;

        FRAIL(err = core_transmit(core, pipe->link[end], &bytes, frail->now));
        if (err != RP_OK)
            close_end(frail, pipe, end); /* as the node does */
        if (err != RP_OK || bytes.len == 0)
            break;
        queue->data = realloc(queue->data, queue->len + bytes.len);
        assert_non_null(queue->data);
        memcpy(queue->data + queue->len, bytes.data, bytes.len);
        queue->len += bytes.len;
        any = true;
    }
    if (pipe->link[end] != NULL && pipe->ending[end])
        close_end(frail, pipe, end);
    return any;
}

static bool push(struct frail *frail, struct frail_pipe *pipe, int end)
{
    struct core *core = frail->nodes[pipe->node[end]].core;
    struct rp_bytes bytes = pipe->queue[end];
    bool any = bytes.len > 0;

    pipe->queue[end] = (struct rp_bytes){NULL, 0};
    if (any && pipe->link[end] != NULL && !pipe->ending[end])
        FRAIL((void)!core_receive(core, pipe->link[end], rp_bytes_slice(&bytes), frail->now));
    rp_bytes_free(&bytes);
    if (pipe->link[end] != NULL && pipe->link[1 - end] == NULL && pipe->queue[end].len == 0)
        close_end(frail, pipe, end);
    return any;
}

static void settle(struct frail *frail)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            while (frail->nodes[i].core != NULL && carry_out(frail, i))
                moved = true;
        }
        for (struct frail_pipe *pipe = frail->pipes; pipe != NULL; pipe = pipe->next) {
            for (int end = 0; end < 2; end++)
                moved |= pull(frail, pipe, end);
        }
        for (struct frail_pipe *pipe = frail->pipes; pipe != NULL; pipe = pipe->next) {
            for (int end = 0; end < 2; end++)
                moved |= push(frail, pipe, end);
        }
    }
}

/* What the node's timer does. */
static void tick(struct frail *frail)
{
    for (unsigned i = 0; i < 2; i++) {
        struct core *core = frail->nodes[i].core;

        if (core != NULL && core_deadline(core) <= frail->now)
            FRAIL(core_tick(core, frail->now));
    }
}

void frail_run(struct frail *frail, uint64_t ms)
{
    uint64_t end = frail->now + ms;
    unsigned still = 0;

    for (;;) {
        uint64_t next = end;

        settle(frail);
        for (unsigned i = 0; i < 2; i++) {
            struct core *core = frail->nodes[i].core;

            if (core != NULL && core_deadline(core) < next)
                next = core_deadline(core);
        }
        still = next > frail->now ? 0 : still + 1;
        if (still == 1000)
            fail_msg("a core wants to be called again and again at the same time");
        if (next > frail->now)
            frail->now = next;
        tick(frail);
        if (next == end)
            break;
    }
    settle(frail);
}

int frail_submit(struct frail *frail, unsigned i, struct rp_bytes *packed)
{
    struct submission submission = {.packed = *packed};

    return take_record(frail, i, &submission);
}

int frail_join(struct frail *frail)
{
    struct invite_opts opts = {.note = "guest", .keep_ms = 600000, .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;
    int err;

    FRAIL(err = core_invite(frail->nodes[0].core, &opts, frail->now, text));
    if (err != RP_OK)
        return err;
    frail_run(frail, 10);
    FRAIL(err = rp_token_read(&token, text));
    if (err != RP_OK)
        return err;
    FRAIL(err = core_join(frail->nodes[1].core, &token, frail->now));
    return err;
}

bool frail_equal(const struct frail *frail)
{
    bool equal = true;

    for (enum rp_set set = 0; set < RP_SETS; set++) {
        struct rp_tally tallies[2];

        for (int i = 0; i < 2; i++)
            core_tally(frail->nodes[i].core, set, &tallies[i]);
        equal &= tallies[0].count == tallies[1].count &&
                 memcmp(tallies[0].digest, tallies[1].digest, RP_HASH_LEN) == 0;
    }
    return equal;
}

uint64_t frail_count(const struct frail *frail, unsigned i, enum rp_set set)
{
    struct rp_tally tally;

    core_tally(frail->nodes[i].core, set, &tally);
    return tally.count;
}
