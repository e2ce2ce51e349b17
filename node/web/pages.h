#ifndef PAGES_H
#define PAGES_H

#include "rp/writer.h"
#include "view/view.h"

/*
 * The pages on which the library is read: made of what view/ answers, without a script. They show
 * what anybody may see: nothing local, and stories only when consent covers the public web. A page
 * that was withdrawn says so and nothing else.
 */
#define PAGE_MAX (4u << 20) /* bytes */

struct page {
    unsigned status;  /* of HTTP */
    const char *type; /* of its content */
    bool keep;        /* a browser may keep it for an hour: it says nothing of the library */
    struct rp_writer body;
};

/* Answers a request for ${path}; ${after} is where a listing goes on, or NULL. */
void page_answer(struct page *page, const char *path, const char *after,
                 const struct view_source *source);

/* A page that says one thing. */
void page_say(struct page *page, unsigned status, const char *title, const char *text);

void page_free(struct page *page);

#endif
