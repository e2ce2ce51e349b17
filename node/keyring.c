#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "home_private.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define KEYRING_VERSION 2 /* 1 had the seed and the inception, and nothing else */
#define SECRETS_LEN KEYRING_SECRETS_LEN
#define BOX_LEN (crypto_secretbox_MACBYTES + SECRETS_LEN)

/* What sealing costs, and at most costs to open: a file must not be able to make us ask for more.
 */
#define SEAL_OPS 3
#define SEAL_MEMORY (UINT64_C(64) << 20)
#define SEAL_OPS_MAX 32
#define SEAL_MEMORY_MAX (UINT64_C(1) << 30)

enum protection { PROTECTION_NONE = 0, PROTECTION_PASSPHRASE = 1 };

/* How the secrets are sealed, as it stands in the file. */
struct seal {
    uint64_t ops;
    uint64_t memory;
    uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t nonce[crypto_secretbox_NONCEBYTES];
};

static int derive(uint8_t key[static crypto_secretbox_KEYBYTES], const struct seal *seal,
                  const struct home_passphrase *passphrase)
{
    if (seal->ops < crypto_pwhash_OPSLIMIT_MIN || seal->ops > SEAL_OPS_MAX ||
        seal->memory < crypto_pwhash_MEMLIMIT_MIN || seal->memory > SEAL_MEMORY_MAX)
        return RP_ERR_LIMIT;
    return crypto_pwhash(key, crypto_secretbox_KEYBYTES, (const char *)passphrase->text,
                         passphrase->len, seal->salt, seal->ops, (size_t)seal->memory,
                         crypto_pwhash_ALG_ARGON2ID13) == 0
               ? RP_OK
               : RP_ERR_NOMEM;
}

void keyring_set_secrets(struct keyring *keyring, const uint8_t secrets[static KEYRING_SECRETS_LEN])
{
    memcpy(keyring->seed, secrets, RP_KEY_SEED_LEN);
    memcpy(keyring->source, secrets + RP_KEY_SEED_LEN, RP_KEY_SEED_LEN);
    keyring->has_key = keyring->is_open = true;
}

static int unseal(const char *home, struct keyring *keyring, const struct seal *seal,
                  const uint8_t box[static BOX_LEN], const struct home_passphrase *passphrase,
                  struct why *why)
{
    uint8_t secrets[SECRETS_LEN];
    uint8_t key[crypto_secretbox_KEYBYTES];
    int err = derive(key, seal, passphrase);

    if (err == RP_ERR_LIMIT) {
        err = home_damaged(home, ORGANISATION_KEY, why);
    } else if (err != RP_OK) {
        err = home_fail(err, why,
                        "opening the sealed key takes %llu MiB of memory, which there "
                        "are not",
                        (unsigned long long)(seal->memory >> 20));
    } else if (crypto_secretbox_open_easy(secrets, box, BOX_LEN, seal->nonce, key) != 0) {
        err = home_fail(RP_ERR_KEY, why, "the passphrase is not the one that %s/%s is sealed with",
                        home_shown(home), ORGANISATION_KEY);
    } else {
        keyring_set_secrets(keyring, secrets);
    }
    sodium_memzero(secrets, sizeof secrets);
    sodium_memzero(key, sizeof key);
    return err;
}

/* Takes the inception and the successions in, and follows them. */
static bool take_identity(struct keyring *out, struct rp_slice inception, struct rp_reader *r)
{
    uint32_t n;

    if (rp_bytes_copy(&out->inception, inception.data, inception.len) != RP_OK ||
        rp_identity_read(&out->identity, rp_bytes_slice(&out->inception)) != RP_OK)
        return false;
    n = r != NULL ? rp_reader_array(r) : 0;
    if (n > RP_SUCCESSIONS_MAX)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct rp_slice packed = rp_reader_bin(r);
        struct rp_opened opened;
        int err;

        if (rp_bytes_copy(&out->succession[i], packed.data, packed.len) != RP_OK)
            return false;
        out->successions++;
        if (rp_record_open(&opened, packed) != RP_OK)
            return false;
        err = rp_identity_succeed(&out->identity, &opened.record);
        rp_record_close(&opened);
        if (err != RP_OK)
            return false;
    }
    return true;
}

/* [1, seed, inception]: what the seed is of today was not there, and the seed served for it. */
static bool read_first(struct keyring *out, struct rp_reader *r)
{
    uint8_t secrets[SECRETS_LEN];
    struct rp_slice inception;
    bool ok;

    rp_reader_bin_into(r, secrets, RP_KEY_SEED_LEN);
    memcpy(secrets + RP_KEY_SEED_LEN, secrets, RP_KEY_SEED_LEN);
    inception = rp_reader_bin(r);
    ok = rp_reader_end(r) == RP_OK && take_identity(out, inception, NULL);
    if (ok) {
        out->has_key = true;
        keyring_set_secrets(out, secrets);
    }
    sodium_memzero(secrets, sizeof secrets);
    return ok;
}

/* The secrets, in the open or sealed: ${box} is then to be opened with ${seal}. */
static bool read_secrets(struct keyring *out, struct rp_reader *r, struct seal *seal,
                         uint8_t box[static BOX_LEN])
{
    uint8_t secrets[SECRETS_LEN];
    uint32_t n;

    if (rp_reader_nil(r))
        return true;
    out->has_key = true;
    n = rp_reader_array(r);
    if (n == 2 && rp_reader_uint(r) == PROTECTION_NONE) {
        rp_reader_bin_into(r, secrets, sizeof secrets);
        keyring_set_secrets(out, secrets);
        sodium_memzero(secrets, sizeof secrets);
        return r->err == RP_OK;
    }
    out->is_sealed = true;
    if (n != 6 || rp_reader_uint(r) != PROTECTION_PASSPHRASE)
        return false;
    seal->ops = rp_reader_uint(r);
    seal->memory = rp_reader_uint(r);
    rp_reader_bin_into(r, seal->salt, sizeof seal->salt);
    rp_reader_bin_into(r, seal->nonce, sizeof seal->nonce);
    rp_reader_bin_into(r, box, BOX_LEN);
    return r->err == RP_OK;
}

static bool read_second(struct keyring *out, struct rp_reader *r, struct seal *seal,
                        uint8_t box[static BOX_LEN])
{
    struct rp_slice inception = rp_reader_bin(r);

    return take_identity(out, inception, r) && read_secrets(out, r, seal, box) &&
           rp_reader_end(r) == RP_OK;
}

bool keyring_belongs_together(const struct keyring *keyring)
{
    const uint8_t *in_use = keyring->identity.keys[keyring->identity.number];
    struct rp_key key;
    bool same;

    if (!keyring->is_open)
        return true;
    rp_key_from_seed(&key, keyring->seed);
    same = memcmp(key.public, in_use, RP_KEY_LEN) == 0;
    rp_key_wipe(&key);
    return same;
}

int keyring_read(const char *home, const struct home_passphrase *passphrase, struct keyring *out,
                 struct why *why)
{
    uint8_t box[BOX_LEN];
    struct seal seal = {0};
    struct rp_reader r;
    uint8_t *file;
    size_t len = 0;
    uint64_t version = 0;
    bool ok = false;
    int err;

    *out = (struct keyring){0};
    if ((file = malloc(KEY_FILE_MAX)) == NULL)
        return home_fail(RP_ERR_NOMEM, why, "out of memory");
    if ((err = home_read_private(home, ORGANISATION_KEY, file, &len, why)) != RP_OK)
        goto out;
    rp_reader_init(&r, (struct rp_slice){file, len});
    if (rp_canonical_check(file, len) == RP_OK && rp_reader_array(&r) > 0)
        version = rp_reader_uint(&r);
    if (version == 1)
        ok = read_first(out, &r);
    else if (version == KEYRING_VERSION)
        ok = read_second(out, &r, &seal, box);
    if (ok && out->is_sealed && passphrase != NULL)
        err = unseal(home, out, &seal, box, passphrase, why);
    if (!ok || (err == RP_OK && !keyring_belongs_together(out)))
        err = version > KEYRING_VERSION
                  ? home_fail(RP_ERR_VERSION, why, "%s/%s is of a newer rpnode: install that",
                              home_shown(home), ORGANISATION_KEY)
                  : home_damaged(home, ORGANISATION_KEY, why);
out:
    sodium_memzero(file, len);
    free(file);
    sodium_memzero(box, sizeof box);
    if (err != RP_OK)
        keyring_free(out);
    return err;
}

static int write_sealed(struct rp_writer *w, const uint8_t secrets[static SECRETS_LEN],
                        const struct home_passphrase *passphrase)
{
    struct seal seal = {.ops = SEAL_OPS, .memory = SEAL_MEMORY};
    uint8_t key[crypto_secretbox_KEYBYTES];
    uint8_t box[BOX_LEN];
    int err;

    home_random(seal.salt, sizeof seal.salt);
    home_random(seal.nonce, sizeof seal.nonce);
    if ((err = derive(key, &seal, passphrase)) != RP_OK)
        return err;
    crypto_secretbox_easy(box, secrets, SECRETS_LEN, seal.nonce, key);
    sodium_memzero(key, sizeof key);
    rp_writer_array(w, 6);
    rp_writer_uint(w, PROTECTION_PASSPHRASE);
    rp_writer_uint(w, seal.ops);
    rp_writer_uint(w, seal.memory);
    rp_writer_bin(w, seal.salt, sizeof seal.salt);
    rp_writer_bin(w, seal.nonce, sizeof seal.nonce);
    rp_writer_bin(w, box, sizeof box);
    return w->err;
}

static int write_secrets(struct rp_writer *w, const struct keyring *keyring,
                         const struct home_passphrase *passphrase)
{
    uint8_t secrets[SECRETS_LEN];
    int err;

    if (!keyring->is_open) {
        rp_writer_nil(w);
        return w->err;
    }
    memcpy(secrets, keyring->seed, RP_KEY_SEED_LEN);
    memcpy(secrets + RP_KEY_SEED_LEN, keyring->source, RP_KEY_SEED_LEN);
    if (passphrase != NULL) {
        err = write_sealed(w, secrets, passphrase);
    } else {
        rp_writer_array(w, 2);
        rp_writer_uint(w, PROTECTION_NONE);
        rp_writer_bin(w, secrets, sizeof secrets);
        err = w->err;
    }
    sodium_memzero(secrets, sizeof secrets);
    return err;
}

int keyring_write(const char *home, const struct keyring *keyring,
                  const struct home_passphrase *passphrase, bool replace, struct why *why)
{
    struct rp_writer w;
    int err;

    rp_writer_init_secret(&w, KEY_FILE_MAX);
    rp_writer_array(&w, 4);
    rp_writer_uint(&w, KEYRING_VERSION);
    rp_writer_bin(&w, keyring->inception.data, keyring->inception.len);
    rp_writer_array(&w, keyring->successions);
    for (uint32_t i = 0; i < keyring->successions; i++)
        rp_writer_bin(&w, keyring->succession[i].data, keyring->succession[i].len);
    if ((err = write_secrets(&w, keyring, passphrase)) != RP_OK)
        (void)home_fail(err, why, "the keys cannot be written: %s", rp_err_text(err));
    else if (replace)
        err = home_replace(home, ORGANISATION_KEY, rp_writer_slice(&w), why);
    else
        err = home_write_new(home, ORGANISATION_KEY, rp_writer_slice(&w), why);
    rp_writer_free(&w);
    return err;
}

int keyring_take_known(struct keyring *out, struct rp_slice inception,
                       const struct rp_slice *successions, uint32_t n)
{
    int err = rp_bytes_copy(&out->inception, inception.data, inception.len);

    if (err == RP_OK)
        err = rp_identity_read(&out->identity, inception);
    for (uint32_t i = 0; i < n && err == RP_OK; i++) {
        struct rp_opened opened;

        if ((err = rp_record_open(&opened, successions[i])) != RP_OK)
            return err;
        err = rp_identity_succeed(&out->identity, &opened.record);
        rp_record_close(&opened);
        if (err == RP_OK)
            err = rp_bytes_copy(&out->succession[i], successions[i].data, successions[i].len);
        out->successions++;
    }
    return err;
}

void keyring_free(struct keyring *keyring)
{
    rp_bytes_free(&keyring->inception);
    for (uint32_t i = 0; i < RP_SUCCESSIONS_MAX; i++)
        rp_bytes_free(&keyring->succession[i]);
    sodium_memzero(keyring, sizeof *keyring);
}
