#include <string.h>

#include "core_private.h"
#include "rp/err.h"

/*
 * Our side of a LIST. A view of few symbols is listed once for all pages of the other side's: what
 * comes in since it was opened would otherwise be walked again with each page, and in a cold sync
 * that is more and more.
 */

int listed_make(struct exchange *x)
{
    const struct view *view = &x->view[x->set];

    if (x->is_listed || view->count > RP_SYMBOLS_MAX)
        return RP_OK;
    return view_list(view, NULL, RP_SYMBOLS_MAX, &x->listed, &x->is_listed);
}

int listed_others(const struct exchange *x, struct rp_slice theirs, struct symbols *out)
{
    struct symbols held = {0};
    int err = RP_OK;

    if (!x->is_listed) {
        err = view_split(&x->view[x->set], theirs.data, (uint32_t)(theirs.len / RP_SYMBOL_LEN),
                         &held, out);
        symbols_free(&held);
        return err;
    }
    for (size_t i = 0; i < theirs.len && err == RP_OK; i += RP_SYMBOL_LEN) {
        if (!symbols_has(symbols_slice(&x->listed), theirs.data + i))
            err = symbols_append(out, theirs.data + i, RP_SYMBOL_LEN);
    }
    return err;
}

int listed_ours(const struct exchange *x, const uint8_t *after, struct symbols *out, bool *last)
{
    size_t from = 0;

    if (!x->is_listed)
        return view_list(&x->view[x->set], after, RP_SYMBOLS_MAX, out, last);
    while (after != NULL && from < x->listed.n &&
           memcmp(x->listed.data + from, after, RP_SYMBOL_LEN) <= 0)
        from += RP_SYMBOL_LEN;
    *last = true;
    symbols_clear(out);
    return from < x->listed.n ? symbols_append(out, x->listed.data + from, x->listed.n - from)
                              : RP_OK;
}
