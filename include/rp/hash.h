#ifndef RP_HASH_H
#define RP_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"

#define RP_HASH_LEN 32
#define RP_ID_LEN 32     /* record, object, organisation and scope ids */
#define RP_SYMBOL_LEN 16 /* the first bytes of a record's id: what sets are made of */
#define RP_SALT_LEN 16
#define RP_SEED_LEN 16
#define RP_SIG_LEN 64

/*
 * What is hashed or signed begins with one of these and a NUL, so that nothing made for one purpose
 * can serve another (SPEC 1.4).
 */
#define RP_DOMAIN_RECORD "rp/1 record"
#define RP_DOMAIN_OBJECT "rp/1 object"
#define RP_DOMAIN_ORGANISATION "rp/1 organisation"
#define RP_DOMAIN_NEXT_KEY "rp/1 next key"
#define RP_DOMAIN_CERTIFICATE "rp/1 certificate"
#define RP_DOMAIN_FINGERPRINT "rp/1 fingerprint"
#define RP_DOMAIN_SKETCH "rp/1 sketch"
#define RP_DOMAIN_ACCEPT "rp/1 accept"
#define RP_DOMAIN_TOKEN "rp/1 token"
#define RP_DOMAIN_PAPER "rp/1 paper"
#define RP_DOMAIN_TELLER "rp/1 teller"
#define RP_DOMAIN_TELLER_CODE "rp/1 teller code"
#define RP_DOMAIN_SOURCE "rp/1 source"
#define RP_DOMAIN_VERIFY "rp/1 verify"
#define RP_DOMAIN_BEACON "rp/1 beacon"
#define RP_DOMAIN_RECOVER "rp/1 recover"
#define RP_DOMAIN_SIGN_RECOVER "rp/1 sign recover"
#define RP_DOMAIN_GRANT "rp/1 grant"
#define RP_DOMAIN_SIGN_GRANT "rp/1 sign grant"
#define RP_DOMAIN_SIGN_RECORD "rp/1 sign record"
#define RP_DOMAIN_SIGN_CERTIFICATE "rp/1 sign certificate"
#define RP_DOMAIN_SIGN_SLIP "rp/1 sign slip"
#define RP_DOMAIN_SIGN_BEACON "rp/1 sign beacon"
#define RP_DOMAIN_CIRCLE "rp/1 circle"
#define RP_DOMAIN_SIGN_CIRCLE "rp/1 sign circle"

/* BLAKE2b-256 of ${domain}, a NUL and the ${n} ${parts} one after the other. */
void rp_hash(uint8_t out[static RP_HASH_LEN], const char *domain, const struct rp_slice *parts,
             size_t n);

/* The same of one part. */
void rp_hash_one(uint8_t out[static RP_HASH_LEN], const char *domain, const uint8_t *data,
                 size_t len);

#endif
