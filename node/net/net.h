#ifndef NET_H
#define NET_H

#include <stdint.h>
#include <uv.h>

#include "core/core.h"

/*
 * Links over TCP: listens, dials, and carries bytes between sockets and the core's links. Decides
 * nothing. All on the loop's thread.
 *
 * After anything that may have given the core something to do, ${settle} is called, which drains
 * the core's effects and comes back here with net_dial, net_close and net_wake.
 */
struct net;

struct net_opts {
    uv_loop_t *loop;
    struct core *core;
    void (*settle)(void *ctx);
    void *ctx;
};

struct net *net_new(const struct net_opts *opts);

/*
 * Listens at ${text} (HOST:PORT; port 0 for any free one); the address with its real port goes to
 * ${bound}. On failure a sentence in ${why} of ${why_len}.
 */
int net_listen(struct net *net, const char *text, char *bound, size_t bound_len, char *why,
               size_t why_len) __attribute__((warn_unused_result));

void net_dial(struct net *net, const uint8_t *org, const char *address);

/* Ends the connection of ${link} after what it still has to say. */
void net_close(struct link *link);

/* The link may have something to say, or may be read again. */
void net_wake(struct link *link);

/*
 * Stops listening and ends every connection; ${done} is called when the last is gone, and net is
 * freed.
 */
void net_stop(struct net *net, void (*done)(void *ctx), void *ctx);

#endif
