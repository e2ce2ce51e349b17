#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"

/*
 * What is a member of our sets and not compared on a link, since the other side does not accept its
 * organisation. Taking it out of a sketch needs a walk over all of it, so its own sketch is kept
 * with the link once it was needed, and kept up, until one side's lists change.
 */

#define EXCLUDED_MAX 8        /* sketches kept, over all links: of 1.5 MiB each at most */
#define EXCLUDED_WORTH_IT 256 /* records; fewer are walked each time */

bool excluded_next(const struct view *view, struct excluded *at)
{
    const struct link *link = view->link;
    const struct core *core = link->core;

    if (view->shared->scope->number != SCOPE_COMMONS)
        return false; /* who is in a circle compares all of it */
    for (;; at->lane++) {
        if (at->lane == LANES) {
            at->lane = 0;
            at->org++;
        }
        if (at->org >= core->orgs_n)
            return false;
        if (sets_of_lane(at->lane) == view->set && core->orgs[at->org].sums[at->lane] != NULL &&
            sets_is_member(core, at->org, at->lane) && !sets_is_shared(link, at->org, at->lane))
            return true;
    }
}

/* Toggles all of it into ${cells}. */
static int toggle_all(const struct view *view, struct rp_cell *cells, uint32_t n)
{
    struct excluded at = {.org = 1};
    uint64_t ignored = 0;
    int err = RP_OK;

    for (; err == RP_OK && excluded_next(view, &at); at.lane++)
        err = sets_toggle_stored(view->link->core, view->shared->scope, (struct cells){cells, n},
                                 at.lane, at.org, &ignored);
    return err;
}

static bool is_worth_keeping(const struct view *view)
{
    const struct core *core = view->link->core;
    struct excluded at = {.org = 1};
    uint64_t records = 0;
    unsigned kept = 0;

    for (const struct link *link = core->links; link != NULL; link = link->next) {
        for (enum rp_set set = 0; set < RP_SETS; set++)
            kept += link->excluded[set].cells != NULL;
    }
    for (; excluded_next(view, &at); at.lane++)
        records += core->orgs[at.org].sums[at.lane]->count;
    return kept < EXCLUDED_MAX && records >= EXCLUDED_WORTH_IT;
}

static void drop(struct cells *kept)
{
    free(kept->cells);
    *kept = (struct cells){NULL, 0};
}

/* Makes the sketch of what is excluded. */
static int make(const struct view *view, struct cells *kept, uint32_t n)
{
    int err;

    if ((kept->cells = calloc(n, sizeof *kept->cells)) == NULL)
        return RP_ERR_NOMEM;
    kept->n = n;
    if ((err = toggle_all(view, kept->cells, n)) != RP_OK)
        drop(kept);
    return err;
}

int excluded_take_out(const struct view *view, struct rp_cell *cells, uint32_t n)
{
    struct cells *kept = &view->link->excluded[view->set];
    int err;

    if (kept->n != n) { /* the set's sketch has grown */
        drop(kept);
        if (!is_worth_keeping(view))
            return toggle_all(view, cells, n);
        if ((err = make(view, kept, n)) != RP_OK)
            return err;
    }
    for (uint32_t i = 0; i < n; i++)
        rp_sketch_xor(&cells[i], &kept->cells[i]);
    return RP_OK;
}

void excluded_changed(struct link *link, enum rp_set set, const uint8_t *symbol)
{
    struct cells *kept = &link->excluded[set];

    if (kept->cells != NULL)
        rp_sketch_toggle(kept->cells, 0, kept->n, link->core->commons.sketch_key, symbol);
}

void excluded_drop(struct link *link)
{
    for (enum rp_set set = 0; set < RP_SETS; set++)
        drop(&link->excluded[set]);
}
