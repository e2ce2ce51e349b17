#include "support/mesh.h"

#include <stdio.h>

#include "core/core_private.h"
#include "ingest/intake.h"
#include "rp/rand.h"
#include "support/kv_mem.h"

#define READ_BYTES 65536 /* as in net/net.c */

void mesh_start(struct mesh *mesh, unsigned node)
{
    struct mesh_node *n = &mesh->nodes[node];
    uint8_t seed[RP_RAND_SEED_LEN];
    char address[16];
    const char *addresses = address;
    struct core_opts opts = {
        .kv = n->kv,
        .self = &n->self,
        .seed = seed,
        .software = "mesh",
        .trust_depth = 8,
        .check_ms = 60000,
        .scrub_ms = 1000,
        .vouch = true,
        .quota = n->quota,
    };
    int err;

    unit_fill(seed, 100 * node + n->starts++);
    n->core = core_new(&opts, mesh->now, &err);
    assert_non_null(n->core);
    snprintf(address, sizeof address, "%u:%u", node, n->port);
    core_set_addresses(n->core, &addresses, 1);
}

void mesh_init(struct mesh *mesh, unsigned n)
{
    *mesh = (struct mesh){.now = 1795000000000, .n = n};
    for (unsigned i = 0; i < n; i++) {
        struct mesh_node *node = &mesh->nodes[i];

        node->port = 1;
        queue_init(&node->held);
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
        node->kv = kv_mem_new();
        assert_non_null(node->kv);
        mesh_start(mesh, i);
    }
    mesh_run(mesh, 1);
}

/* One side of a pipe is gone; the other side notices when it has read what was on the way. */
static void close_end(struct mesh *mesh, struct mesh_pipe *pipe, int end)
{
    struct core *core = mesh->nodes[pipe->node[end]].core;

    if (pipe->link[end] != NULL && core != NULL)
        core_closed(core, pipe->link[end], mesh->now);
    pipe->link[end] = NULL;
}

static void forget_held(struct mesh_node *node)
{
    struct intake_list list;
    struct intake *next;

    queue_take(&list, &node->held, SIZE_MAX);
    for (struct intake *intake = list.first; intake != NULL; intake = next) {
        next = intake->next;
        intake_free(intake);
    }
}

void mesh_stop(struct mesh *mesh, unsigned node)
{
    for (struct mesh_pipe *pipe = mesh->pipes; pipe != NULL; pipe = pipe->next) {
        for (int end = 0; end < 2; end++) {
            if (pipe->node[end] == node)
                close_end(mesh, pipe, end);
        }
    }
    core_free(mesh->nodes[node].core);
    mesh->nodes[node].core = NULL;
    forget_held(&mesh->nodes[node]);
}

void mesh_free(struct mesh *mesh)
{
    for (unsigned i = 0; i < mesh->n; i++) {
        if (mesh->nodes[i].core != NULL)
            mesh_stop(mesh, i);
        kv_mem_free(mesh->nodes[i].kv);
        rp_bytes_free(&mesh->nodes[i].proof);
        rp_bytes_free(&mesh->nodes[i].issued);
        sample_org_free(&mesh->nodes[i].org);
    }
    while (mesh->pipes != NULL) {
        struct mesh_pipe *pipe = mesh->pipes;

        mesh->pipes = pipe->next;
        rp_bytes_free(&pipe->queue[0]);
        rp_bytes_free(&pipe->queue[1]);
        free(pipe);
    }
}

static void dial(struct mesh *mesh, unsigned from, const struct core_effect *effect)
{
    char *end;
    unsigned to = (unsigned)strtoul(effect->address, &end, 10);
    unsigned port = *end == ':' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
    struct core *caller = mesh->nodes[from].core;
    struct mesh_pipe *pipe;

    if (to >= mesh->n || mesh->nodes[to].core == NULL || mesh->nodes[to].unreachable ||
        (mesh->nodes[to].deaf_to & 1u << from) != 0 || port != mesh->nodes[to].port) {
        core_dial_failed(caller, effect->org, "connection refused", mesh->now);
        return;
    }
    pipe = calloc(1, sizeof *pipe);
    assert_non_null(pipe);
    pipe->node[0] = from;
    pipe->node[1] = to;
    pipe->link[0] = core_dialled(caller, effect->org, effect->address, mesh->now);
    pipe->link[1] = core_accept(mesh->nodes[to].core, "caller:1", mesh->now);
    assert_non_null(pipe->link[0]);
    assert_non_null(pipe->link[1]);
    pipe->next = mesh->pipes;
    mesh->pipes = pipe;
}

/* Gives the outcome. */
static int take_in(struct mesh *mesh, unsigned node, struct intake *intake)
{
    int err;

    intake_verify(intake, NULL);
    intake_write(mesh->nodes[node].kv, &intake, 1, ROOM_FOR_ALL, mesh->now);
    intake_report(mesh->nodes[node].core, intake, mesh->now);
    err = intake->err;
    intake_free(intake);
    return err;
}

/* Does what a core asks for. */
static bool carry_out(struct mesh *mesh, unsigned node)
{
    struct core_effect effect;
    bool any = false;

    while (core_next_effect(mesh->nodes[node].core, &effect)) {
        any = true;
        switch (effect.type) {
        case CORE_DIAL:
            dial(mesh, node, &effect);
            break;
        case CORE_SUBMIT:
            if (mesh->nodes[node].holds)
                queue_add(&mesh->nodes[node].held, intake_record(&effect.submission));
            else
                (void)take_in(mesh, node, intake_record(&effect.submission));
            break;
        case CORE_STORE:
            (void)take_in(mesh, node, intake_change(effect.change));
            break;
        case CORE_CLOSE:
            for (struct mesh_pipe *p = mesh->pipes; p != NULL; p = p->next) {
                for (int end = 0; end < 2; end++)
                    p->ending[end] |= p->link[end] == effect.link;
            }
            break;
        case CORE_WAKE:
            break;
        }
    }
    return any;
}

/* Moves what one end of a pipe has to say into the queue of the other. */
static bool pull(struct mesh *mesh, struct mesh_pipe *pipe, int end)
{
    struct core *core = mesh->nodes[pipe->node[end]].core;
    struct rp_bytes *queue = &pipe->queue[1 - end];
    bool any = false;

    while (pipe->link[end] != NULL) {
        struct rp_slice bytes;

        if (core_transmit(core, pipe->link[end], &bytes, mesh->now) != RP_OK || bytes.len == 0)
            break;
        queue->data = realloc(queue->data, queue->len + bytes.len);
        assert_non_null(queue->data);
        memcpy(queue->data + queue->len, bytes.data, bytes.len);
        queue->len += bytes.len;
        mesh->bytes += bytes.len;
        any = true;
    }
    if (pipe->link[end] != NULL && pipe->ending[end])
        close_end(mesh, pipe, end);
    return any;
}

/* As much as a node reads at a time, if it may. */
static bool push_piece(struct mesh *mesh, struct mesh_pipe *pipe, int end)
{
    struct core *core = mesh->nodes[pipe->node[end]].core;
    struct rp_bytes *queue = &pipe->queue[end];
    size_t n = queue->len < READ_BYTES ? queue->len : READ_BYTES;

    if (n == 0 || !core_may_read(core, pipe->link[end]))
        return false;
    (void)!core_receive(core, pipe->link[end], (struct rp_slice){queue->data, n}, mesh->now);
    queue->len -= n;
    memmove(queue->data, queue->data + n, queue->len);
    return true;
}

static bool push(struct mesh *mesh, struct mesh_pipe *pipe, int end)
{
    struct core *core = mesh->nodes[pipe->node[end]].core;
    struct rp_bytes bytes = pipe->queue[end];
    bool any = bytes.len > 0;

    if (mesh->nodes[pipe->node[end]].holds && pipe->link[end] != NULL)
        return push_piece(mesh, pipe, end);
    pipe->queue[end] = (struct rp_bytes){NULL, 0};
    if (any && pipe->link[end] != NULL && !pipe->ending[end])
        (void)!core_receive(core, pipe->link[end], rp_bytes_slice(&bytes), mesh->now);
    rp_bytes_free(&bytes);
    if (pipe->link[end] != NULL && pipe->link[1 - end] == NULL)
        close_end(mesh, pipe, end);
    return any;
}

static void settle(struct mesh *mesh)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned i = 0; i < mesh->n; i++)
            moved |= mesh->nodes[i].core != NULL && carry_out(mesh, i);
        for (struct mesh_pipe *pipe = mesh->pipes; pipe != NULL; pipe = pipe->next) {
            for (int end = 0; end < 2; end++)
                moved |= pull(mesh, pipe, end);
        }
        for (struct mesh_pipe *pipe = mesh->pipes; pipe != NULL; pipe = pipe->next) {
            for (int end = 0; end < 2; end++)
                moved |= push(mesh, pipe, end);
        }
    }
}

/* Ticks the cores that want it by now. */
static void tick(struct mesh *mesh)
{
    for (unsigned i = 0; i < mesh->n; i++) {
        if (mesh->nodes[i].core != NULL && core_deadline(mesh->nodes[i].core) <= mesh->now)
            core_tick(mesh->nodes[i].core, mesh->now);
    }
}

void mesh_turn(struct mesh *mesh)
{
    settle(mesh);
    tick(mesh);
    settle(mesh);
}

void mesh_run(struct mesh *mesh, uint64_t ms)
{
    uint64_t end = mesh->now + ms;

    for (;;) {
        uint64_t next = end;

        settle(mesh);
        for (unsigned i = 0; i < mesh->n; i++) {
            if (mesh->nodes[i].core != NULL && core_deadline(mesh->nodes[i].core) < next)
                next = core_deadline(mesh->nodes[i].core);
        }
        if (next > mesh->now)
            mesh->now = next;
        tick(mesh);
        if (next == end)
            break;
    }
    settle(mesh);
}

void mesh_join(struct mesh *mesh, unsigned a, unsigned b)
{
    struct invite_opts opts = {.note = "guest", .keep_ms = 60000, .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;

    assert_ok(core_invite(mesh->nodes[a].core, &opts, mesh->now, text));
    assert_ok(rp_token_read(&token, text));
    assert_ok(core_join(mesh->nodes[b].core, &token, mesh->now));
    mesh_run(mesh, 2000);
}

int mesh_submit(struct mesh *mesh, unsigned node, struct rp_bytes *packed)
{
    struct submission submission = {.packed = *packed};

    return take_in(mesh, node, intake_record(&submission));
}

void mesh_take_in(struct mesh *mesh, unsigned node, size_t n)
{
    struct intake_list list;
    struct intake *next;

    queue_take(&list, &mesh->nodes[node].held, n);
    for (struct intake *intake = list.first; intake != NULL; intake = intake->next)
        intake_verify(intake, NULL);
    next = list.first;
    assert_ok(
        intake_write_from(mesh->nodes[node].kv, intake_list_next, &next, ROOM_FOR_ALL, mesh->now));
    while ((next = list.first) != NULL) {
        list.first = next->next;
        intake_report(mesh->nodes[node].core, next, mesh->now);
        intake_free(next);
    }
}

struct link *mesh_link(const struct mesh *mesh, unsigned a, unsigned b)
{
    struct link *link = NULL;

    while ((link = core_links(mesh->nodes[a].core, link)) != NULL) {
        if (link->peer != NULL && link->state == LINK_OPEN &&
            memcmp(link->peer->entry.org, mesh->nodes[b].org.identity.org, RP_ID_LEN) == 0)
            return link;
    }
    return NULL;
}

void mesh_begin_three(struct mesh *mesh)
{
    mesh_init(mesh, 3);
    mesh_join(mesh, 0, 1);
    mesh_join(mesh, 0, 2);
    mesh_run(mesh, 3000);
}

void mesh_publish(struct mesh *mesh, unsigned node, unsigned number)
{
    struct rp_bytes packed = sample_pattern(&mesh->nodes[node].org, number);

    assert_ok(mesh_submit(mesh, node, &packed));
}

void mesh_clean(struct mesh *mesh, unsigned node)
{
    struct kv_key key = batch_meta_key(META_ERASING);
    struct kv_txn *txn;
    int err;

    assert_non_null(txn = kv_begin(mesh->nodes[node].kv, true, &err));
    kv_del(txn, KV_META, kv_key_slice(&key));
    assert_ok(kv_commit(txn));
    core_erased(mesh->nodes[node].core, mesh->now);
}

uint64_t mesh_count(struct mesh *mesh, unsigned node, enum rp_set set)
{
    struct rp_tally tally;

    core_tally(mesh->nodes[node].core, set, &tally);
    return tally.count;
}

bool mesh_equal(struct mesh *mesh, unsigned a, unsigned b)
{
    bool equal = true;

    for (enum rp_set set = 0; set < RP_SETS; set++) {
        struct rp_tally tallies[2];

        core_tally(mesh->nodes[a].core, set, &tallies[0]);
        core_tally(mesh->nodes[b].core, set, &tallies[1]);
        equal &= tallies[0].count == tallies[1].count &&
                 memcmp(tallies[0].digest, tallies[1].digest, RP_HASH_LEN) == 0;
    }
    return equal;
}
