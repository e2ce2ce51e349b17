#include "rp/noise.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

#define HASH_LEN RP_NOISE_HASH_LEN
#define BLOCK_LEN 128 /* BLAKE2b's, for HMAC */
#define MESSAGES 3
#define NONCE_LAST UINT64_MAX /* reserved for rekeying */

struct rp_noise {
    bool initiator;
    bool has_key;  /* the handshake cipher has one */
    bool uses_psk; /* ephemeral keys are then mixed into the chaining key, too */
    bool failed;
    unsigned message; /* the next one: 0 to 2; 3 when done */
    uint8_t chain[HASH_LEN];
    uint8_t hash[HASH_LEN];
    struct rp_noise_cipher cipher;
    struct rp_dh_key s;
    struct rp_dh_key e;
    uint8_t remote_s[RP_KEY_LEN];
    uint8_t remote_e[RP_KEY_LEN];
    bool has_psk[RP_NOISE_PSKS];
    uint8_t psks[RP_NOISE_PSKS][RP_NOISE_PSK_LEN];
};

/* HMAC (RFC 2104) with unkeyed BLAKE2b-512; a keyed BLAKE2b would be something else. */
static void hmac(uint8_t out[static HASH_LEN], const uint8_t key[static HASH_LEN],
                 struct rp_slice first, struct rp_slice second)
{
    crypto_generichash_state state;
    uint8_t pad[BLOCK_LEN];
    uint8_t inner[HASH_LEN];

    memset(pad, 0x36, sizeof pad);
    for (size_t i = 0; i < HASH_LEN; i++)
        pad[i] ^= key[i];
    crypto_generichash_init(&state, NULL, 0, HASH_LEN);
    crypto_generichash_update(&state, pad, sizeof pad);
    crypto_generichash_update(&state, first.data, first.len);
    crypto_generichash_update(&state, second.data, second.len);
    crypto_generichash_final(&state, inner, HASH_LEN);
    for (size_t i = 0; i < BLOCK_LEN; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    crypto_generichash_init(&state, NULL, 0, HASH_LEN);
    crypto_generichash_update(&state, pad, sizeof pad);
    crypto_generichash_update(&state, inner, sizeof inner);
    crypto_generichash_final(&state, out, HASH_LEN);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(inner, sizeof inner);
    sodium_memzero(&state, sizeof state);
}

/* HKDF of Noise: ${n} (2 or 3) outputs from the chaining key and ${input}. */
static void hkdf(const uint8_t chain[static HASH_LEN], struct rp_slice input, uint8_t n,
                 uint8_t out[][HASH_LEN])
{
    uint8_t temp[HASH_LEN];
    struct rp_slice before = {NULL, 0};

    hmac(temp, chain, input, before);
    for (uint8_t i = 1; i <= n; i++) {
        hmac(out[i - 1], temp, before, (struct rp_slice){&i, 1});
        before = (struct rp_slice){out[i - 1], HASH_LEN};
    }
    sodium_memzero(temp, sizeof temp);
}

static void mix_hash(struct rp_noise *noise, struct rp_slice data)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, HASH_LEN);
    crypto_generichash_update(&state, noise->hash, HASH_LEN);
    crypto_generichash_update(&state, data.data, data.len);
    crypto_generichash_final(&state, noise->hash, HASH_LEN);
}

static void set_key(struct rp_noise *noise, const uint8_t key[static HASH_LEN])
{
    memcpy(noise->cipher.key, key, sizeof noise->cipher.key);
    noise->cipher.nonce = 0;
    noise->has_key = true;
}

static void mix_key(struct rp_noise *noise, struct rp_slice input)
{
    uint8_t out[2][HASH_LEN];

    hkdf(noise->chain, input, 2, out);
    memcpy(noise->chain, out[0], HASH_LEN);
    set_key(noise, out[1]);
    sodium_memzero(out, sizeof out);
}

static void mix_psk(struct rp_noise *noise, unsigned place)
{
    uint8_t out[3][HASH_LEN];

    if (!noise->has_psk[place])
        return;
    hkdf(noise->chain, (struct rp_slice){noise->psks[place], RP_NOISE_PSK_LEN}, 3, out);
    memcpy(noise->chain, out[0], HASH_LEN);
    mix_hash(noise, (struct rp_slice){out[1], HASH_LEN});
    set_key(noise, out[2]);
    sodium_memzero(out, sizeof out);
}

static int mix_dh(struct rp_noise *noise, const struct rp_dh_key *ours,
                  const uint8_t theirs[static RP_KEY_LEN])
{
    uint8_t shared[RP_KEY_LEN];

    /* fails exactly when the result is all zero: their key is of small order */
    if (crypto_scalarmult(shared, ours->secret, theirs) != 0)
        return RP_ERR_CRYPTO;
    mix_key(noise, (struct rp_slice){shared, sizeof shared});
    sodium_memzero(shared, sizeof shared);
    return RP_OK;
}

static void nonce_bytes(uint8_t out[static crypto_aead_chacha20poly1305_IETF_NPUBBYTES],
                        uint64_t nonce)
{
    memset(out, 0, 4);
    for (unsigned i = 0; i < 8; i++)
        out[4 + i] = (uint8_t)(nonce >> 8 * i);
}

/* There must be a nonce left. */
static void seal(struct rp_noise_cipher *cipher, struct rp_slice ad, struct rp_slice plain,
                 uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

    nonce_bytes(nonce, cipher->nonce++);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.data, plain.len, ad.data, ad.len,
                                              NULL, nonce, cipher->key);
}

static int unseal(struct rp_noise_cipher *cipher, struct rp_slice ad, struct rp_slice sealed,
                  uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

    if (cipher->nonce == NONCE_LAST)
        return RP_ERR_LIMIT;
    nonce_bytes(nonce, cipher->nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.len, ad.data,
                                                  ad.len, nonce, cipher->key) != 0)
        return RP_ERR_CRYPTO;
    cipher->nonce++;
    return RP_OK;
}

/* Writes ${plain}, encrypted once there is a key, to ${out}; gives the bytes written. A key of the
 * handshake seals two messages at most, so that there is a nonce. */
static size_t encrypt_and_hash(struct rp_noise *noise, struct rp_slice plain, uint8_t *out)
{
    size_t len = plain.len;

    if (!noise->has_key) {
        if (plain.len > 0)
            memcpy(out, plain.data, plain.len);
    } else {
        len += RP_NOISE_TAG_LEN;
        seal(&noise->cipher, (struct rp_slice){noise->hash, HASH_LEN}, plain, out);
    }
    mix_hash(noise, (struct rp_slice){out, len});
    return len;
}

/* Reads the ${sealed} form of what encrypt_and_hash wrote. */
static int decrypt_and_hash(struct rp_noise *noise, struct rp_slice sealed, uint8_t *out)
{
    int err;

    if (!noise->has_key) {
        if (sealed.len > 0)
            memcpy(out, sealed.data, sealed.len);
    } else {
        err = unseal(&noise->cipher, (struct rp_slice){noise->hash, HASH_LEN}, sealed, out);
        if (err != RP_OK)
            return err;
    }
    mix_hash(noise, sealed);
    return RP_OK;
}

/* "Noise_XX_25519_ChaChaPoly_BLAKE2b", with "psk0+psk2" and the like behind XX. */
static void begin(struct rp_noise *noise, struct rp_slice prologue)
{
    static const char pattern[] = "Noise_XX";
    static const char suite[] = "_25519_ChaChaPoly_BLAKE2b";
    char name[HASH_LEN] = "Noise_XX"; /* at most 52 characters, zeroes behind */
    size_t n = sizeof pattern - 1;

    for (unsigned i = 0; i < RP_NOISE_PSKS; i++) {
        char psk[] = "+psk0";
        size_t skip = noise->uses_psk ? 0 : 1; /* the plus */

        if (!noise->has_psk[i])
            continue;
        psk[4] = (char)('0' + i);
        memcpy(name + n, psk + skip, sizeof psk - 1 - skip);
        n += sizeof psk - 1 - skip;
        noise->uses_psk = true;
    }
    memcpy(name + n, suite, sizeof suite - 1);
    memcpy(noise->hash, name, HASH_LEN);
    memcpy(noise->chain, noise->hash, HASH_LEN);
    mix_hash(noise, prologue);
}

struct rp_noise *rp_noise_new(const struct rp_noise_opts *opts)
{
    struct rp_noise *noise = calloc(1, sizeof *noise);

    if (noise == NULL)
        return NULL;
    noise->initiator = opts->initiator;
    noise->s = *opts->static_key;
    if (rp_key_dh_from_secret(&noise->e, opts->ephemeral_secret) != RP_OK) {
        rp_noise_free(noise);
        return NULL;
    }
    for (unsigned i = 0; i < RP_NOISE_PSKS; i++) {
        noise->has_psk[i] = opts->psks[i] != NULL;
        if (noise->has_psk[i])
            memcpy(noise->psks[i], opts->psks[i], RP_NOISE_PSK_LEN);
    }
    begin(noise, opts->prologue);
    return noise;
}

void rp_noise_free(struct rp_noise *noise)
{
    if (noise == NULL)
        return;
    sodium_memzero(noise, sizeof *noise);
    free(noise);
}

bool rp_noise_is_done(const struct rp_noise *noise)
{
    return noise->message == MESSAGES;
}

unsigned rp_noise_message(const struct rp_noise *noise)
{
    return noise->message;
}

bool rp_noise_must_write(const struct rp_noise *noise)
{
    return !rp_noise_is_done(noise) && (noise->message % 2 == 0) == noise->initiator;
}

size_t rp_noise_overhead(const struct rp_noise *noise)
{
    static const size_t keys[] = {1, 2, 1, 0}; /* e; e and s; s */
    size_t tags = noise->message > 0 ? 2 : noise->uses_psk;

    return keys[noise->message] * RP_KEY_LEN + tags * RP_NOISE_TAG_LEN;
}

/* The token e. */
static void write_ephemeral(struct rp_noise *noise, uint8_t **at)
{
    struct rp_slice e = {noise->e.public, RP_KEY_LEN};

    memcpy(*at, e.data, e.len);
    *at += e.len;
    mix_hash(noise, e);
    if (noise->uses_psk)
        mix_key(noise, e);
}

/* The token s. */
static void write_static(struct rp_noise *noise, uint8_t **at)
{
    *at += encrypt_and_hash(noise, (struct rp_slice){noise->s.public, RP_KEY_LEN}, *at);
}

static int read_ephemeral(struct rp_noise *noise, struct rp_slice *rest)
{
    struct rp_slice e = {rest->data, RP_KEY_LEN};

    if (rest->len < e.len)
        return RP_ERR_CRYPTO;
    memcpy(noise->remote_e, e.data, e.len);
    rest->data += e.len;
    rest->len -= e.len;
    mix_hash(noise, e);
    if (noise->uses_psk)
        mix_key(noise, e);
    return RP_OK;
}

static int read_static(struct rp_noise *noise, struct rp_slice *rest)
{
    struct rp_slice s = {rest->data, RP_KEY_LEN + RP_NOISE_TAG_LEN};

    if (rest->len < s.len)
        return RP_ERR_CRYPTO;
    rest->data += s.len;
    rest->len -= s.len;
    return decrypt_and_hash(noise, s, noise->remote_s);
}

/* The token es, or se: one side's static key with the other's ephemeral key. */
static int mix_initiators_static(struct rp_noise *noise)
{
    return noise->initiator ? mix_dh(noise, &noise->s, noise->remote_e)
                            : mix_dh(noise, &noise->e, noise->remote_s);
}

static int mix_responders_static(struct rp_noise *noise)
{
    return noise->initiator ? mix_dh(noise, &noise->e, noise->remote_s)
                            : mix_dh(noise, &noise->s, noise->remote_e);
}

/* The tokens of the next message as its writer goes through them; XX is -> e, <- e ee s es, -> s
 * se. */
static int write_tokens(struct rp_noise *noise, uint8_t **at)
{
    int err = RP_OK;

    if (noise->message == 0) {
        mix_psk(noise, 0);
        write_ephemeral(noise, at);
    } else if (noise->message == 1) {
        write_ephemeral(noise, at);
        if ((err = mix_dh(noise, &noise->e, noise->remote_e)) == RP_OK) {
            write_static(noise, at);
            err = mix_responders_static(noise);
        }
    } else {
        write_static(noise, at);
        err = mix_initiators_static(noise);
    }
    if (err == RP_OK)
        mix_psk(noise, noise->message + 1);
    return err;
}

/* The same as its reader goes through them. */
static int read_tokens(struct rp_noise *noise, struct rp_slice *rest)
{
    int err;

    if (noise->message == 0) {
        mix_psk(noise, 0);
        err = read_ephemeral(noise, rest);
    } else if (noise->message == 1) {
        if ((err = read_ephemeral(noise, rest)) == RP_OK &&
            (err = mix_dh(noise, &noise->e, noise->remote_e)) == RP_OK &&
            (err = read_static(noise, rest)) == RP_OK)
            err = mix_responders_static(noise);
    } else if ((err = read_static(noise, rest)) == RP_OK) {
        err = mix_initiators_static(noise);
    }
    if (err == RP_OK)
        mix_psk(noise, noise->message + 1);
    return err;
}

int rp_noise_write(struct rp_noise *noise, struct rp_slice payload, uint8_t *out, size_t *len)
{
    uint8_t *at = out;
    int err;

    *len = 0;
    if (noise->failed || !rp_noise_must_write(noise))
        return RP_ERR_STATE;
    if ((err = write_tokens(noise, &at)) != RP_OK) {
        noise->failed = true;
        return err;
    }
    at += encrypt_and_hash(noise, payload, at);
    noise->message++;
    *len = (size_t)(at - out);
    return RP_OK;
}

int rp_noise_read(struct rp_noise *noise, struct rp_slice message, uint8_t *out, size_t *len)
{
    struct rp_slice rest = message;
    int err;

    *len = 0;
    if (noise->failed || rp_noise_is_done(noise) || rp_noise_must_write(noise))
        return RP_ERR_STATE;
    err = read_tokens(noise, &rest);
    if (err == RP_OK && noise->has_key && rest.len < RP_NOISE_TAG_LEN)
        err = RP_ERR_CRYPTO;
    if (err == RP_OK)
        err = decrypt_and_hash(noise, rest, out);
    if (err != RP_OK) {
        noise->failed = true;
        return err;
    }
    noise->message++;
    *len = rest.len - (noise->has_key ? RP_NOISE_TAG_LEN : 0);
    return RP_OK;
}

const uint8_t *rp_noise_remote_static(const struct rp_noise *noise)
{
    return noise->remote_s;
}

const uint8_t *rp_noise_handshake_hash(const struct rp_noise *noise)
{
    return noise->hash;
}

void rp_noise_split(const struct rp_noise *noise, struct rp_noise_cipher *send,
                    struct rp_noise_cipher *receive)
{
    uint8_t out[2][HASH_LEN];

    hkdf(noise->chain, (struct rp_slice){NULL, 0}, 2, out);
    send->nonce = receive->nonce = 0;
    memcpy(send->key, out[noise->initiator ? 0 : 1], sizeof send->key);
    memcpy(receive->key, out[noise->initiator ? 1 : 0], sizeof receive->key);
    sodium_memzero(out, sizeof out);
}

int rp_noise_seal(struct rp_noise_cipher *cipher, struct rp_slice plain, uint8_t *out)
{
    if (cipher->nonce == NONCE_LAST)
        return RP_ERR_LIMIT;
    seal(cipher, (struct rp_slice){NULL, 0}, plain, out);
    return RP_OK;
}

int rp_noise_unseal(struct rp_noise_cipher *cipher, struct rp_slice sealed, uint8_t *out)
{
    if (sealed.len < RP_NOISE_TAG_LEN)
        return RP_ERR_CRYPTO;
    return unseal(cipher, (struct rp_slice){NULL, 0}, sealed, out);
}

/* REKEY: the first 32 bytes of an encryption of zeroes under the reserved nonce. */
void rp_noise_rekey(struct rp_noise_cipher *cipher)
{
    static const uint8_t zeroes[32] = {0};
    uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
    uint8_t out[32 + RP_NOISE_TAG_LEN];

    nonce_bytes(nonce, NONCE_LAST);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, zeroes, sizeof zeroes, NULL, 0, NULL,
                                              nonce, cipher->key);
    memcpy(cipher->key, out, sizeof cipher->key);
    sodium_memzero(out, sizeof out);
}

void rp_noise_cipher_wipe(struct rp_noise_cipher *cipher)
{
    sodium_memzero(cipher, sizeof *cipher);
}
