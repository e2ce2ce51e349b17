#ifndef WAITING_H
#define WAITING_H

#include "core_private.h"
#include "store/quota.h"

/*
 * Quotas (SPEC 6.1). Which records wait for room, and with whom they are, is in waiting.c; how much
 * room there is, in quotas.c. A record that waits is not here, but is counted as held where it is
 * compared with somebody who has it: so two nodes of which one holds back are in step, and a check
 * costs what it always does.
 */

/* waiting.c: core->waiting */
int waiting_load(struct core *core);
void waiting_free(struct core *core);
uint32_t waiting_count(const struct core *core);
/* A record was fetched and waits for room; false when there is no room even to note that. */
bool waiting_note(struct core *core, const struct outcome *outcome);
/* Whether the symbol waits; the link's other side has it, then. */
bool waiting_offered(struct link *link, const uint8_t *symbol);
/* It is stored, or never will be. */
void waiting_settled(struct core *core, const uint8_t *symbol);
/* A record was stored: a withdrawal of it that waits is fetched at once; and if it is a withdrawal
 * itself, what it withdraws waits no more. */
void waiting_found(struct core *core, const struct outcome *outcome, uint64_t now_ms);
/* The link's other side has it no more; false when it was not thought to. */
bool waiting_let_go(struct link *link, const uint8_t *symbol);
/* The same of whatever begins with ${prefix}, which it asks for. */
void waiting_deny(struct link *link, const uint8_t *prefix);
/* How many are counted as held on the link. */
uint64_t waiting_held(const struct link *link);
void waiting_link_gone(struct link *link);
/* What is accepted has changed, here or there: what is not compared any more is not held. */
void waiting_look_again(struct link *link);

/* How much of what waits there is room for now. */
struct allowance {
    uint32_t root;
    uint64_t bytes;        /* of this organisation */
    uint64_t bytes_in_all; /* of all that share its quota; by the number of the root */
    uint64_t lasting;      /* records */
};
/* Has that compared and fetched again for which there is room; ${rooms} by organisation. */
void waiting_release(struct core *core, struct allowance *rooms, uint64_t now_ms);

/* What a view holds besides what is stored. */
bool waiting_any(const struct view *view);
bool waiting_is_held(const struct view *view, const uint8_t *symbol);
void waiting_join(struct view *view);
void waiting_cells(const struct view *view, struct rp_cell *cells, uint32_t n);
/* Those after ${after} (NULL: from the first) up to ${end} (NULL: the last), in no order. */
int waiting_list(const struct view *view, const uint8_t *after, const uint8_t *end,
                 struct symbols *out) __attribute__((warn_unused_result));

/* quotas.c */
int quotas_load(struct core *core);
/* Shares are computed anew soon: somebody waits, or what was shared has changed. */
void quotas_due(struct core *core);
/* A record was stored. */
void quotas_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms);
/* Finds out at once who shares what with whom, and what there is room for. */
void quotas_compute(struct core *core, uint64_t now_ms);
/* Makes a CHANGE_QUOTAS that is tried again say how things are now. */
void quotas_renew(const struct core *core, struct change *change);
/* Carries a CHANGE_QUOTAS out, in the writer's thread. */
void quotas_apply(struct kv_txn *txn, const struct change *change);

#endif
