#ifndef RP_ERR_H
#define RP_ERR_H

/*
 * The one error enum of the project. Functions return 0 (RP_OK) or one of these negative codes;
 * LMDB, libuv and errno codes are mapped where they enter and go no further.
 */

/* name, sentence for people (completes "<what>: ...") */
#define RP_ERR_MAP(X)                                                                              \
    X(NOMEM, -1, "out of memory")                                                                  \
    X(LIMIT, -2, "larger than the limit for it")                                                   \
    X(MALFORMED, -3, "not canonical msgpack")                                                      \
    X(SHAPE, -4, "well-formed, but not of the expected shape")                                     \
    X(VERSION, -5, "written by a newer version of the software")                                   \
    X(SIGNATURE, -6, "the signature does not verify")                                              \
    X(CODEC, -7, "unknown compression, or compressed data that is damaged")                        \
    X(CHECKSUM, -8, "the checksum does not match: mistyped, cut short or damaged")                 \
    X(CRYPTO, -9, "decryption failed")                                                             \
    X(KEY, -10, "the key is not a valid one")                                                      \
    X(STATE, -11, "called out of order")                                                           \
    X(CLOSED, -12, "the other side has closed")                                                    \
    X(TIMEOUT, -13, "took too long")                                                               \
    X(NOT_FOUND, -14, "not found")                                                                 \
    X(EXISTS, -15, "already there")                                                                \
    X(AMBIGUOUS, -16, "fits more than one")                                                        \
    X(FULL, -17, "no room: the disk or the store's quota is full")                                 \
    X(IO, -18, "reading or writing failed")                                                        \
    X(CORRUPT, -19, "stored data is damaged")                                                      \
    X(BUSY, -20, "in use by another process")                                                      \
    X(DENIED, -21, "not permitted")                                                                \
    X(RULE, -22, "a field breaks the rule of its kind")                                            \
    X(UNKNOWN_ORG, -23, "the organisation is not accepted here")                                   \
    X(WITHDRAWN, -24, "withdrawn by its owner")                                                    \
    X(UNDECODED, -25, "the sketch did not decode")                                                 \
    X(EXPIRED, -26, "expired")                                                                     \
    X(USED, -27, "already used")                                                                   \
    X(ARGUMENT, -28, "not a valid argument")                                                       \
    X(OFFLINE, -29, "cannot be reached")                                                           \
    X(DISOWNED, -30, "its organisation does not stand by it, since the key was replaced")          \
    X(REVOKED, -31, "revoked")                                                                     \
    X(QUOTA, -32, "waits until there is room under the quota of its organisation")

enum rp_err {
    RP_OK = 0,
#define X(name, value, text) RP_ERR_##name = (value),
    RP_ERR_MAP(X)
#undef X
};

/* Stable name ("NOT_FOUND"), for logs and JSON. Unknown codes give "UNKNOWN". */
const char *rp_err_name(int err);

/* Sentence for people. Unknown codes give "unknown error". */
const char *rp_err_text(int err);

#endif
