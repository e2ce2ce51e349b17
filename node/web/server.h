#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <uv.h>

#include "view/view.h"

/*
 * The library in a browser: HTTP by libmicrohttpd on the loop's thread, pages by pages.h. It reads
 * and never writes. A request must name this node as it is reached: by an IP number, localhost or
 * a name from the settings, so that no foreign site's name leads here (DNS rebinding).
 */
struct web;

struct web_opts {
    uv_loop_t *loop;
    const char *names; /* more names that it answers to, separated by blanks */
    void (*fill)(void *ctx, struct view_source *source); /* what views need to know */
    void *ctx;
};

/* Listens at ${text}, HOST:PORT; where that is in the end goes to ${bound}. NULL with ${why}. */
struct web *web_new(const struct web_opts *opts, const char *text, char *bound, size_t bound_len,
                    char *why, size_t why_len);

/* Ends all connections. The handles are closed with the loop's; then comes web_free. */
void web_stop(struct web *web);
void web_free(struct web *web); /* NULL is fine */

#endif
