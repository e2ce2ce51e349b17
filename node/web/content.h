#ifndef CONTENT_H
#define CONTENT_H

#include "rp/writer.h"
#include "view/view.h"

/*
 * A version of an object as HTML, by the table of kinds. Fields hold what their authors' software
 * wrote: one of an unexpected type is shown as what it is, not as what the table says.
 */
#define CONTENT_CURRENT_MAX 8 /* versions side by side */

/* Of an item that view/ wrote: a text, empty when there is none; a flag; a version's content. */
struct rp_slice content_text(struct rp_slice item, const char *key);
bool content_flag(struct rp_slice item, const char *key);
struct rp_slice content_of(struct rp_slice version);

/* Its title; without one, what kind of thing it is. ${kind} is the kind's name. */
struct rp_slice content_title(struct rp_slice content, struct rp_slice kind);

/* What one page may cost, all versions on it together: titles of other objects looked up, and bytes
 * of Markdown rendered. What goes beyond is shown without them. */
struct content_budget {
    unsigned references;
    size_t markdown;
};
#define CONTENT_BUDGET ((struct content_budget){200, 256u << 10})

/* One version, with its title; ${common} is what view_object_finish wrote. */
void content_put(struct rp_writer *w, struct rp_slice version, struct rp_slice common,
                 struct content_budget *budget, const struct view_source *source);

#endif
