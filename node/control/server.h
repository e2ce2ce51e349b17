#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <uv.h>

#include "core/core.h"
#include "protocol.h"
#include "rp/reader.h"
#include "rp/writer.h"
#include "view/view.h"

/*
 * Requests of rpctl over a Unix socket that only the owner (and root) may use. The server carries
 * frames; what each command does is in handlers.c. All on the loop's thread.
 */
struct control;

/* What handlers need of the node. */
struct control_opts {
    uv_loop_t *loop;
    struct core *core;
    struct kv *kv;
    const struct self *self;
    const char *language; /* of what is published without saying */
    bool vouch;           /* invites vouch unless the request says otherwise */
    void (*settle)(void *ctx);
    void (*fill)(void *ctx, struct view_source *source);      /* what views need to know */
    void (*submit)(void *ctx, struct submission *submission); /* takes the record over */
    void (*random)(uint8_t *out, size_t len);
    /* Reads the keys in the home again, with the passphrase that opens them (empty: none), and goes
     * on with those. On an error, of which ${why} says more, everything is as before. */
    int (*reload_keys)(void *ctx, struct rp_slice passphrase, char *why, size_t why_len);
    void *ctx;
};

struct control *control_new(const struct control_opts *opts);

/* Listens on the socket ${path}, replacing one that a dead process has left. */
int control_listen(struct control *control, const char *path, char *why, size_t why_len)
    __attribute__((warn_unused_result));

/* What became of a record submitted with a tag of ours. */
void control_outcome(struct control *control, const struct outcome *outcome);

/* Looks whether requests that wait for something (diff, join) can be answered; when to look again.
 */
void control_tick(struct control *control, uint64_t now_ms);
uint64_t control_deadline(const struct control *control);

void control_stop(struct control *control, void (*done)(void *ctx), void *ctx);

#endif
