#ifndef FILL_H
#define FILL_H

#include "nodes.h"
#include "prose.h"

/* Records of a node's own organisation, as its maintainers would have published them. */

/* The next record of this organisation, signed: a pattern. Free with rp_bytes_free. */
void node_record(struct node *node, struct prose *prose, struct rp_bytes *packed, size_t *plain);

/* Puts ${n} records into the store while the node is not running; packed on all processors. The
 * bytes of their texts. */
uint64_t node_fill(struct node *node, struct prose *prose, uint64_t n);

#endif
