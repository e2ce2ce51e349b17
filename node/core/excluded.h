#ifndef EXCLUDED_H
#define EXCLUDED_H

#include "rp/sketch.h"
#include "store/batch.h"

/* What is not compared on a link: see excluded.c. For files of core/ alone. */
struct core;
struct link;
struct scope;
struct view;

/* The first cells of a sketch. */
struct cells {
    struct rp_cell *cells;
    uint32_t n;
};

/* Walks the organisations and lanes that are members here but not compared on the link, from
 * {.org = 1} on; the next one from at->lane + 1. */
struct excluded {
    uint32_t org;
    enum lane lane;
};
bool excluded_next(const struct view *view, struct excluded *at);

/* Takes them out of ${cells}, all ${n} of the whole set's. */
int excluded_take_out(const struct view *view, struct rp_cell *cells, uint32_t n)
    __attribute__((warn_unused_result));

/* A record that is not compared on the link came into our set, or left it. */
void excluded_changed(struct link *link, enum rp_set set, const uint8_t *symbol);

/* What is compared on the link has changed, or may not be as was thought. */
void excluded_drop(struct link *link);

/* sets.c: toggles every stored record of ${org} (0: of all that are members) in ${lane} into
 * ${out}. */
int sets_toggle_stored(struct core *core, const struct scope *scope, struct cells out,
                       enum lane lane, uint32_t org, uint64_t *n)
    __attribute__((warn_unused_result));

#endif
