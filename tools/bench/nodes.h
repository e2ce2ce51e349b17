#ifndef NODES_H
#define NODES_H

#include <sys/types.h>

#include "home.h"
#include "rpctl.h"

/* Real rpnode processes on loopback, each with a home of its own, as rpctl sees them. */
struct node {
    char home[300];
    pid_t pid; /* 0: not running */
    struct client *client;
    struct home_keys keys;
    uint64_t published; /* records signed so far */
    bool web;           /* it shows pages, at a port of 127.0.0.1; to be set before it starts */
    struct rp_codecs *codecs;
};

/* A home called ${name} in ${folder}. */
void node_init(struct node *node, const char *folder, const char *name);
void node_start(struct node *node);
void node_stop(struct node *node);
/* The same with a node that is to be started again. */
void node_halt(struct node *node);

/* Keeps a running node from doing anything, and lets it go on. */
void node_hold(const struct node *node);
void node_go_on(const struct node *node);

/* Reads a page of the node at ${at}, an address; from the connecting to the last byte. */
void node_page(const char *at, const char *path);

/* ${guest} joins ${host} by an invite. */
void node_join(struct node *guest, const struct node *host);

/* ${node} takes nothing of ${other}'s organisation, nor passes it on. */
void node_block(const struct node *node, const struct node *other);

/* Tells a node that is running, and was filled before, that its store is no backup. */
void node_trust_store(struct node *node);

/* Hands a record in over the socket; it is stored when this returns. */
void node_publish(struct node *node, const struct rp_bytes *packed);

/* What a node says of itself. */
struct node_status {
    uint64_t content; /* records of its content set */
    uint64_t wire;    /* bytes both ways on all links */
    bool in_sync;     /* with all peers */
    char web[64];     /* where its pages are */
};
void node_status(struct node *node, struct node_status *out);

/* What the process uses. */
struct node_use {
    double cpu;         /* s */
    uint64_t anonymous; /* bytes resident that are of no file */
    uint64_t peak;      /* bytes resident, the most so far, the mapped store with them */
};
void node_use(const struct node *node, struct node_use *out);

/* Bytes of the store's file on the disk. */
uint64_t node_store_bytes(const struct node *node);

/* Waits a little. */
void bench_pause(double seconds);

#endif
