#ifndef RP_NOISE_H
#define RP_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/key.h"

/*
 * Noise_XX_25519_ChaChaPoly_BLAKE2b (Noise Protocol Framework, revision 34) over libsodium's
 * primitives, with the psk0 to psk3 modifiers. Messages alternate, the initiator writing the first
 * of three; after the third both sides hold a cipher for each direction.
 */

#define RP_NOISE_HASH_LEN 64
#define RP_NOISE_TAG_LEN 16
#define RP_NOISE_PSK_LEN 32
#define RP_NOISE_PSKS 4 /* one for each place a psk may be mixed in */

struct rp_noise;

struct rp_noise_opts {
    bool initiator;
    struct rp_slice prologue;           /* both sides must have the same */
    const struct rp_dh_key *static_key; /* copied */
    const uint8_t *ephemeral_secret;    /* RP_KEY_LEN random bytes, never used twice; copied */
    const uint8_t *psks[RP_NOISE_PSKS]; /* psks[i] for pskI; NULL for none; copied */
};

/* One direction of the channel after the handshake. Wipe with rp_noise_cipher_wipe. */
struct rp_noise_cipher {
    uint8_t key[32];
    uint64_t nonce;
};

/* NULL when memory is short or the ephemeral secret makes no key, as 32 random bytes always do. */
struct rp_noise *rp_noise_new(const struct rp_noise_opts *opts);

/* Wipes and frees. */
void rp_noise_free(struct rp_noise *noise);

/* Bytes that the next message to write takes beyond its payload. */
size_t rp_noise_overhead(const struct rp_noise *noise);

/*
 * Writes the next message with ${payload} to ${out}, its length in ${len}; ${out} has room for the
 * payload and rp_noise_overhead(). RP_ERR_STATE when it is the other side's turn or the handshake
 * is over; RP_ERR_CRYPTO when a key that the other side sent is of small order: it then is over.
 */
int rp_noise_write(struct rp_noise *noise, struct rp_slice payload, uint8_t *out, size_t *len)
    __attribute__((warn_unused_result));

/*
 * Reads the next message, writing its payload to ${out} (room for message.len bytes), its length in
 * ${len}. RP_ERR_CRYPTO when it does not authenticate, is too short, or holds a key of small order;
 * the handshake is then over. RP_ERR_STATE when it is our turn or the handshake is over.
 */
int rp_noise_read(struct rp_noise *noise, struct rp_slice message, uint8_t *out, size_t *len)
    __attribute__((warn_unused_result));

/* The next message's place, from 0. */
unsigned rp_noise_message(const struct rp_noise *noise);

/* Whether the next message is ours to write; false when done. */
bool rp_noise_must_write(const struct rp_noise *noise);
bool rp_noise_is_done(const struct rp_noise *noise);

/* The other side's static key, once read; the handshake hash, once done. Live with ${noise}. */
const uint8_t *rp_noise_remote_static(const struct rp_noise *noise);
const uint8_t *rp_noise_handshake_hash(const struct rp_noise *noise);

/* The ciphers of a handshake that is done. */
void rp_noise_split(const struct rp_noise *noise, struct rp_noise_cipher *send,
                    struct rp_noise_cipher *receive);

/*
 * Encrypts to ${out} (plain.len + RP_NOISE_TAG_LEN bytes), or decrypts to ${out} (sealed.len -
 * RP_NOISE_TAG_LEN bytes). RP_ERR_CRYPTO: does not authenticate; RP_ERR_LIMIT: nonces used up.
 */
int rp_noise_seal(struct rp_noise_cipher *cipher, struct rp_slice plain, uint8_t *out)
    __attribute__((warn_unused_result));
int rp_noise_unseal(struct rp_noise_cipher *cipher, struct rp_slice sealed, uint8_t *out)
    __attribute__((warn_unused_result));

/* Replaces the key by one that follows from it; the nonce goes on. */
void rp_noise_rekey(struct rp_noise_cipher *cipher);
void rp_noise_cipher_wipe(struct rp_noise_cipher *cipher);

#endif
