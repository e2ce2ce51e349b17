#ifndef MESH_H
#define MESH_H

#include "core/core.h"
#include "ingest/queue.h"
#include "store/kv.h"
#include "unit/sample.h"

/*
 * Nodes without sockets, disk or clock: real cores over stores in memory, joined by queues of
 * bytes. Node i listens at the address "i:1", unless it moves to another port. For tests of the
 * core.
 */
#define MESH_MAX 16

struct mesh_pipe {
    struct link *link[2]; /* of the dialling node and the other; NULL once closed */
    unsigned node[2];
    struct rp_bytes queue[2]; /* bytes on the way to each */
    bool ending[2];
    struct mesh_pipe *next;
};

struct mesh_node {
    struct sample_org org;
    struct rp_dh_key noise;
    struct rp_bytes proof;
    struct rp_bytes issued;
    struct self self;
    struct kv *kv;
    struct core *core; /* NULL: down */
    bool unreachable;
    unsigned deaf_to; /* a bit for each node that cannot reach it */
    unsigned port;    /* of its address, "i:port" */
    bool holds;       /* it takes in what links bring only when told to, and reads as a node does */
    struct queue held; /* what it has not taken in */
    uint64_t quota;    /* from its next start on */
    unsigned starts;
};

struct mesh {
    uint64_t now;
    unsigned n;
    struct mesh_node nodes[MESH_MAX];
    struct mesh_pipe *pipes;
    uint64_t bytes; /* carried */
};

void mesh_init(struct mesh *mesh, unsigned n);
void mesh_free(struct mesh *mesh);

/* Stops a node at once, as a crash would; starts it again on the same store. */
void mesh_stop(struct mesh *mesh, unsigned node);
void mesh_start(struct mesh *mesh, unsigned node);

/* Lets ${ms} pass, everything happening on the way. */
void mesh_run(struct mesh *mesh, uint64_t ms);

/* Lets no time pass: everything is carried, and each core that wants it ticked once. */
void mesh_turn(struct mesh *mesh);

/* Joins node ${b} to ${a} by an invite of ${a}'s. */
void mesh_join(struct mesh *mesh, unsigned a, unsigned b);

/* The open link of node ${a} with node ${b}; NULL when there is none. */
struct link *mesh_link(const struct mesh *mesh, unsigned a, unsigned b);

/* Three nodes in a chain 1 - 0 - 2, in step; the mesh is begun with it. */
void mesh_begin_three(struct mesh *mesh);

/* Publishes the ${number}th sample pattern of a node, at that node. */
void mesh_publish(struct mesh *mesh, unsigned node, unsigned number);

/* Hands a packed record to a node as its own operator would; takes it over. Gives the outcome. */
int mesh_submit(struct mesh *mesh, unsigned node, struct rp_bytes *packed);

/* Has a node that holds take in ${n} of what links have brought, in one transaction. */
void mesh_take_in(struct mesh *mesh, unsigned node, size_t n);

/* The store's file is written anew, as the node does after each withdrawal. */
void mesh_clean(struct mesh *mesh, unsigned node);

/* Whether two nodes' sets have the same count and fingerprint; how many are in a node's. */
bool mesh_equal(struct mesh *mesh, unsigned a, unsigned b);
uint64_t mesh_count(struct mesh *mesh, unsigned node, enum rp_set set);

#endif
