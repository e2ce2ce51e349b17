#ifndef SUPPORT_CIRCLE_H
#define SUPPORT_CIRCLE_H

#include "support/mesh.h"

/* Circles of the nodes of a mesh. */

/* Circle ${i} as ${node} sees it. */
static inline struct circle_view seen(struct mesh *mesh, unsigned node, uint32_t i)
{
    struct circle_view view;

    assert_true(core_circle(mesh->nodes[node].core, i, &view));
    return view;
}

static inline bool sees_any(struct mesh *mesh, unsigned node)
{
    struct circle_view view;

    return core_circle(mesh->nodes[node].core, 0, &view);
}

/* ${founder} makes a circle with the ${n} ${others}, who accept it when they hear of it. */
static inline void found(struct mesh *mesh, unsigned founder, const unsigned *others, unsigned n,
                         uint8_t id[RP_ID_LEN])
{
    uint8_t members[MESH_MAX][RP_ID_LEN];
    struct circle_opts opts = {"Ours", n, members[0]};

    for (unsigned i = 0; i < n; i++)
        memcpy(members[i], mesh->nodes[others[i]].org.identity.org, RP_ID_LEN);
    assert_ok(core_circle_create(mesh->nodes[founder].core, &opts, mesh->now, id));
    for (unsigned i = 0; i < n; i++) {
        mesh_run(mesh, 1000);
        assert_int_equal(seen(mesh, others[i], 0).state, CIRCLE_INVITED);
        assert_string_equal(seen(mesh, others[i], 0).name, "Ours");
        assert_ok(core_circle_decide(mesh->nodes[others[i]].core, id, true, mesh->now));
    }
    mesh_run(mesh, 1000);
}

/* A record of ${node} in the circle ${id}. */
static inline struct rp_bytes pattern_in(struct mesh *mesh, unsigned node, const uint8_t *id,
                                         unsigned number)
{
    struct rp_bytes content = sample_content("Between us");
    struct rp_record fields =
        sample_fields(&mesh->nodes[node].org, number, rp_bytes_slice(&content));
    struct rp_bytes packed;
    struct rp_bytes body;

    memcpy(fields.scope, id, RP_ID_LEN);
    assert_ok(rp_record_write(&body, &fields));
    assert_ok(
        rp_record_pack(&packed, rp_bytes_slice(&body), &mesh->nodes[node].org.key, RP_CODEC_PLAIN));
    rp_bytes_free(&body);
    rp_bytes_free(&content);
    return packed;
}

static inline int publish_in(struct mesh *mesh, unsigned node, const uint8_t *id, unsigned number)
{
    struct rp_bytes packed = pattern_in(mesh, node, id, number);

    return mesh_submit(mesh, node, &packed);
}

#endif
