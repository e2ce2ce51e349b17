#ifndef CORE_NODES_H
#define CORE_NODES_H

#include "core_private.h"

/*
 * Several nodes of one organisation (SPEC 3.10): each acts by a certificate of its own. They link
 * with each other like peers, under the organisation's own id, and a revoked one with nobody.
 */

/* Whether the organisation has revoked the certificate, by what ${txn} knows. */
bool nodes_is_revoked(struct kv_txn *txn, uint32_t org, const struct rp_certificate *certificate);
/* Whether others are known to act for our organisation, too. */
bool nodes_has_sibling(const struct core *core);
/* Whether the other side is a node of our own organisation. */
bool nodes_is_sibling(const struct core *core, const struct rp_proof *proof);
/* Notes whether we are revoked ourselves. */
void nodes_look(struct core *core);
/* The organisation has revoked one of its nodes. */
void nodes_revoked(struct core *core, uint32_t org);
/* Another node of our own organisation is somewhere: its beacon holds. */
struct peer *nodes_found(struct core *core, uint64_t now_ms);

#endif
