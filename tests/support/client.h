#ifndef SUPPORT_CLIENT_H
#define SUPPORT_CLIENT_H

#include "core/core_private.h"
#include "support/mesh.h"

/* A peer of node 0 of a mesh that says what the test wants, over a session of the test's own. */

/* What it answers when it is asked how its sets differ. */
enum client_claim {
    CLIENT_SILENT,
    CLIENT_IN_STEP, /* they do not */
    CLIENT_BEHIND,  /* that it has no control records at all */
};

struct client {
    struct mesh *mesh;
    struct link *link;
    struct rp_session *session;
    struct rp_writer w;
    enum client_claim claim;
    bool deaf; /* reads nothing */
    uint64_t wants[64];
    unsigned wants_n;
};

static inline void client_say(struct client *client)
{
    assert_ok(client->w.err);
    assert_ok(rp_session_send(client->session, rp_writer_slice(&client->w)));
    rp_writer_reset(&client->w);
}

static inline void client_answer(struct client *client, struct rp_slice frame)
{
    static const struct rp_fingerprint nothing;
    struct rp_part none = {.set = RP_SET_CONTROL};
    struct rp_check check;

    assert_ok(rp_message_read_check(&check, frame));
    none.exchange = check.exchange;
    rp_fingerprint_digest(none.tally.digest, &nothing);
    if (client->claim == CLIENT_BEHIND && check.asks[RP_SET_CONTROL])
        rp_message_write_part(&client->w, RP_MESSAGE_IDS, &none);
    else
        rp_message_write_equal(&client->w, check.exchange);
    client_say(client);
}

static inline void client_hear(struct client *client, struct rp_slice frame)
{
    struct rp_want want;

    if (rp_message_type(frame) == RP_MESSAGE_CHECK && client->claim != CLIENT_SILENT)
        client_answer(client, frame);
    if (rp_message_type(frame) != RP_MESSAGE_WANT || client->wants_n == 64)
        return;
    assert_ok(rp_message_read_want(&want, frame));
    client->wants[client->wants_n++] = want.request;
}

/* Moves bytes both ways until there are none. */
static inline void client_pump(struct client *client)
{
    struct mesh *mesh = client->mesh;
    struct core *core = mesh->nodes[0].core;
    struct rp_slice frame;
    struct rp_slice bytes;
    bool moved = true;

    while (moved && client->link->state != LINK_ENDING) {
        moved = false;
        mesh_run(mesh, 0);
        assert_ok(rp_session_transmit(client->session, &bytes));
        if (bytes.len > 0) {
            (void)!core_receive(core, client->link, bytes, mesh->now);
            moved = true;
        }
        assert_ok(core_transmit(core, client->link, &bytes, mesh->now));
        moved |= bytes.len > 0 && !client->deaf;
        while (bytes.len > 0 && !client->deaf) {
            assert_ok(rp_session_receive(client->session, mesh->now, &bytes, &frame));
            if (frame.data != NULL)
                client_hear(client, frame);
        }
    }
}

/* Node ${who}, which must be a peer of node 0 and is stopped, calls it as a client that accepts the
 * first ${n} organisations. */
static inline void client_call(struct client *client, struct mesh *mesh, unsigned who, unsigned n,
                               enum client_claim claim)
{
    struct mesh_node *node = &mesh->nodes[who];
    uint8_t ephemeral[RP_KEY_LEN];
    uint8_t ids[MESH_MAX * RP_ID_LEN];
    struct rp_session_opts opts = {.initiator = true,
                                   .key = &node->noise,
                                   .ephemeral = ephemeral,
                                   .proof = rp_bytes_slice(&node->proof)};
    struct rp_hello hello = {
        .time = mesh->now, .codecs = RP_CODECS_ALL, .software = rp_bytes_str("client")};
    struct rp_accept accept = {.reset = true, .accepted = {ids, n * RP_ID_LEN}};

    mesh_stop(mesh, who);
    mesh_run(mesh, 10);
    unit_fill(ephemeral, 9000);
    *client = (struct client){.mesh = mesh,
                              .claim = claim,
                              .link = core_accept(mesh->nodes[0].core, "9.9.9.9:9", mesh->now)};
    assert_non_null(client->link);
    client->session = rp_session_new(&opts, mesh->now);
    assert_non_null(client->session);
    rp_writer_init(&client->w, RP_FRAME_MAX);
    client_pump(client);
    memset(hello.accept, 7, RP_HASH_LEN);
    rp_message_write_hello(&client->w, &hello);
    client_say(client);
    client_pump(client);
    for (unsigned i = 0; i < n; i++)
        memcpy(ids + (size_t)i * RP_ID_LEN, mesh->nodes[i].org.identity.org, RP_ID_LEN);
    rp_message_write_accept(&client->w, &accept);
    client_say(client);
    client_pump(client);
    assert_int_equal(client->link->state, LINK_OPEN);
}

static inline void client_close(struct client *client)
{
    core_closed(client->mesh->nodes[0].core, client->link, client->mesh->now);
    rp_session_free(client->session);
    rp_writer_free(&client->w);
}

#endif
