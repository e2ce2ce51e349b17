#ifndef RP_GRANT_H
#define RP_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/certificate.h"
#include "rp/limits.h"

/*
 * How an organisation gets another node (SPEC 3.10), as two lines of text that people carry over:
 * the new node's request, which says nothing secret, and the grant with which a node that has the
 * organisation's key answers it.
 */

/* "rpnode1...": which keys the new node has made for itself, and of which organisation it is to be.
 */
#define RP_NODE_REQUEST_TEXT_MAX 1024
struct rp_node_request {
    uint8_t org[RP_ID_LEN];
    uint8_t noise[RP_KEY_LEN];
    uint8_t sign[RP_KEY_LEN];
    char name[RP_NAME_LEN_MAX + 1]; /* of the node */
};

/* Writes at most RP_NODE_REQUEST_TEXT_MAX characters and a NUL. RP_ERR_SHAPE for a name that does
 * not fit, RP_ERR_NOMEM. */
int rp_node_request_write(char *out, const struct rp_node_request *request)
    __attribute__((warn_unused_result));

/* RP_ERR_SHAPE: no request; RP_ERR_LIMIT, RP_ERR_CHECKSUM: mistyped; RP_ERR_VERSION: a newer one.
 */
int rp_node_request_read(struct rp_node_request *out, const char *text)
    __attribute__((warn_unused_result));

/* Whom the new node is to call. */
struct rp_grant_peer {
    uint8_t org[RP_ID_LEN];
    char name[RP_NAME_LEN_MAX + 1]; /* may be empty */
    uint32_t addresses;
    char address[RP_ADDRESSES_MAX][RP_ADDRESS_LEN_MAX + 1];
};

/*
 * "rpgrant1...": the new node's proof (certificate.h) and whom it is to call, signed by the
 * organisation's key; and that key, if it shall publish, too, sealed for the new node alone.
 */
struct rp_grant {
    struct rp_slice proof; /* borrowed */
    uint32_t peers;
    struct rp_grant_peer peer[RP_GRANT_PEERS_MAX];
    bool has_key;
    uint8_t sealed[RP_GRANT_SEALED_LEN];
};

/* ${key} is the one that issued the certificate. Free ${text} with free(). RP_ERR_SHAPE for names
 * or addresses that do not fit, RP_ERR_LIMIT, RP_ERR_NOMEM. */
int rp_grant_write(char **text, const struct rp_grant *grant, const struct rp_key *key)
    __attribute__((warn_unused_result));

/* The text of a grant with the sealed key put into it. Errors as reading and writing have. */
int rp_grant_add_key(char **text, const char *grant,
                     const uint8_t sealed[static RP_GRANT_SEALED_LEN])
    __attribute__((warn_unused_result));

/*
 * Reads one for the node with X25519 key ${noise}, and checks it whole: the proof, which goes to
 * ${proof}, and the signature. What both borrow is in ${raw}, to be freed with rp_bytes_free.
 * RP_ERR_SHAPE: no grant; RP_ERR_CHECKSUM: a letter is wrong or missing; RP_ERR_SIGNATURE: not by
 * who issued the certificate; RP_ERR_VERSION: of a newer version; RP_ERR_KEY: its certificate is
 * for another node; RP_ERR_LIMIT, RP_ERR_NOMEM.
 */
int rp_grant_read(struct rp_grant *out, struct rp_proof *proof, struct rp_bytes *raw,
                  const char *text, const uint8_t noise[static RP_KEY_LEN])
    __attribute__((warn_unused_result));

#endif
