#ifndef GRAPH_H
#define GRAPH_H

#include <stdbool.h>

#include "rp/rand.h"

/*
 * Who has whom for a peer, in federations of any size. Nodes have numbers from 0 on; nobody is its
 * own peer, or somebody's twice.
 */
#define GRAPH_CLUSTER 25    /* organisations that know each other well: a town, a field of work */
#define GRAPH_DEGREE_MAX 12 /* peers of one node */
#define GRAPH_DEGREE 6      /* peers of each node, where all have as many */
#define GRAPH_FAR 1000000   /* hops to where no path leads */

struct graph_edge {
    unsigned a;
    unsigned b;
};

struct graph {
    unsigned n;
    unsigned *degree;
    unsigned (*peers)[GRAPH_DEGREE_MAX];
    struct graph_edge *edges; /* in the order in which they were made */
    unsigned edges_n;
};

/* Without an edge. Memory never runs out. */
void graph_init(struct graph *graph, unsigned n);
void graph_free(struct graph *graph);

/* Clusters, each a ring and some chords; a ring of clusters; and some who know somebody far away.
 * 3 to 12 peers each. */
void graph_draw_towns(struct graph *graph, struct rp_rand *rand);
/* GRAPH_DEGREE peers each, drawn from all, and all joined. */
void graph_draw_regular(struct graph *graph, struct rp_rand *rand);
/* GRAPH_DEGREE peers each, in clusters; one edge in ten leads to anywhere. All joined. */
void graph_draw_clustered(struct graph *graph, struct rp_rand *rand);

/* Fills in ${hops}, by node, from those that are 0 to those that are GRAPH_FAR, over nodes that are
 * ${up} (NULL: all are). Gives the most there are to any that a path leads to. */
unsigned graph_measure(const struct graph *graph, const bool *up, unsigned *hops);

/* How many hops the farthest node is from ${from}; GRAPH_FAR when one is not to be reached. */
unsigned graph_eccentricity(const struct graph *graph, unsigned from);

#endif
