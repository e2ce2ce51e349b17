#ifndef CONTROL_PROTOCOL_H
#define CONTROL_PROTOCOL_H

/*
 * What rpctl and rpnode say to each other over the socket in the home (SPEC 8): frames as on a
 * link, length and canonical msgpack, without the encryption.
 *
 *     request   [number, command, {arguments}]
 *     reply     [number, "item", value]     any number of them
 *               [number, "done", value]     the last, or
 *               [number, "error", {"code": str, "text": str, "field": str or nil}]
 */

/* Name, whether it changes anything. One list for both sides. */
#define CONTROL_COMMANDS(X)                                                                        \
    X(STATUS, "status", false)                                                                     \
    X(PEERS, "peers", false)                                                                       \
    X(PEER_ADD, "peer-add", true)                                                                  \
    X(PEER_REMOVE, "peer-remove", true)                                                            \
    X(PEER_APPROVE, "peer-approve", true)                                                          \
    X(PEER_PAUSE, "peer-pause", true)                                                              \
    X(PEER_RESUME, "peer-resume", true)                                                            \
    X(PEER_VERIFY, "peer-verify", false)                                                           \
    X(INVITE, "invite", true)                                                                      \
    X(INVITES, "invites", false)                                                                   \
    X(INVITE_REVOKE, "invite-revoke", true)                                                        \
    X(JOIN, "join", true)                                                                          \
    X(SOURCES, "sources", false)                                                                   \
    X(PUBLISH, "publish", true)                                                                    \
    X(WITHDRAW, "withdraw", true)                                                                  \
    X(NODES, "nodes", false)                                                                       \
    X(WITHDRAWALS, "withdrawals", false)                                                           \
    X(CONSENT, "consent", false)                                                                   \
    X(RENEW, "renew", true)                                                                        \
    X(AUDIENCE, "audience", false)                                                                 \
    X(REVIEWS, "reviews", false)                                                                   \
    X(REVIEW, "review", true)                                                                      \
    X(TOLD, "told", false)                                                                         \
    X(RESTORED, "restored", true)                                                                  \
    X(IMPORT, "import", true)                                                                      \
    X(LIST, "list", false)                                                                         \
    X(SHOW, "show", false)                                                                         \
    X(DIFF, "diff", false)                                                                         \
    X(EXPORT, "export", false)                                                                     \
    X(CIRCLES, "circles", false)                                                                   \
    X(CIRCLE_CREATE, "circle-create", true)                                                        \
    X(CIRCLE_DECIDE, "circle-decide", true)                                                        \
    X(VOUCH, "vouch", true)                                                                        \
    X(UNVOUCH, "unvouch", true)                                                                    \
    X(BLOCK, "block", true)                                                                        \
    X(UNBLOCK, "unblock", true)                                                                    \
    X(TRUST, "trust", false)                                                                       \
    X(HIDE, "hide", true)                                                                          \
    X(UNHIDE, "unhide", true)                                                                      \
    X(HIDDEN, "hidden", false)                                                                     \
    X(NODE_LIST, "node-list", false)                                                               \
    X(NODE_ADD, "node-add", true)                                                                  \
    X(NODE_REVOKE, "node-revoke", true)                                                            \
    X(AUDIT, "audit", false)                                                                       \
    X(KEYS_RELOAD, "keys-reload", true)

enum control_command {
#define X(name, text, changes) CONTROL_##name,
    CONTROL_COMMANDS(X)
#undef X
        CONTROL_COMMANDS_N
};

#define CONTROL_HEADER_LEN 4
#define CONTROL_FILES_MAX 500        /* in one SOURCES request */
#define CONTROL_AUDIENCE_MAX 500     /* bytes: circle: and a name */
#define CONTROL_PATH_MAX 4096        /* bytes of a file's path */
#define CONTROL_INVITE_DAYS_MAX 3650 /* that an invite is good for */

#endif
