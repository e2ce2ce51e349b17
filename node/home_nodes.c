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

/* A home that has asked to be a node of an organisation, and what it is granted (SPEC 3.10). */

#define NODE_ASKED "node.asked"
#define ASKED_VERSION 1
#define ASKED_MAX 1024

_Static_assert(RP_GRANT_SEALED_LEN == KEYRING_SECRETS_LEN + crypto_box_SEALBYTES,
               "what a grant has room for");

/* The keys of a node that is none yet, and what it is to be; without a certificate. */
struct asked {
    struct node_file file;
    struct rp_node_request request;
};

static void asked_free(struct asked *asked)
{
    node_file_free(&asked->file);
    sodium_memzero(asked, sizeof *asked);
}

/* Works the public halves out. */
static int complete(struct asked *asked)
{
    struct rp_dh_key noise;
    struct rp_key sign;
    int err = rp_key_dh_from_secret(&noise, asked->file.secrets[0]);

    if (err != RP_OK)
        return err;
    rp_key_from_seed(&sign, asked->file.secrets[1]);
    memcpy(asked->request.noise, noise.public, RP_KEY_LEN);
    memcpy(asked->request.sign, sign.public, RP_KEY_LEN);
    rp_key_dh_wipe(&noise);
    rp_key_wipe(&sign);
    return RP_OK;
}

static bool exists(const char *home, const char *name)
{
    char path[HOME_PATH_MAX];
    struct why ignored;

    return home_path(path, home, name, &ignored) == RP_OK && access(path, F_OK) == 0;
}

static int write_asked(const char *home, const struct asked *asked, struct why *why)
{
    struct rp_writer w;
    int err;

    rp_writer_init_secret(&w, ASKED_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, ASKED_VERSION);
    rp_writer_bin(&w, asked->file.secrets[0], RP_KEY_LEN);
    rp_writer_bin(&w, asked->file.secrets[1], RP_KEY_LEN);
    rp_writer_bin(&w, asked->request.org, RP_ID_LEN);
    rp_writer_str(&w, asked->request.name);
    if ((err = w.err) != RP_OK)
        (void)home_fail(err, why, "%s cannot be written: %s", NODE_ASKED, rp_err_text(err));
    else
        err = home_write_new(home, NODE_ASKED, rp_writer_slice(&w), why);
    rp_writer_free(&w);
    return err;
}

static int read_asked(const char *home, struct asked *out, struct why *why)
{
    uint8_t *bytes = malloc(KEY_FILE_MAX);
    struct rp_slice name;
    struct rp_reader r;
    size_t len = 0;
    int err;

    *out = (struct asked){0};
    if (bytes == NULL)
        return home_fail(RP_ERR_NOMEM, why, "out of memory");
    if ((err = home_read_private(home, NODE_ASKED, bytes, &len, why)) != RP_OK)
        goto out;
    rp_reader_init(&r, (struct rp_slice){bytes, len});
    if (rp_canonical_check(bytes, len) != RP_OK || rp_reader_array(&r) != 5 ||
        rp_reader_uint(&r) != ASKED_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->file.secrets[0], RP_KEY_LEN);
    rp_reader_bin_into(&r, out->file.secrets[1], RP_KEY_LEN);
    rp_reader_bin_into(&r, out->request.org, RP_ID_LEN);
    name = rp_reader_str(&r);
    if (rp_reader_end(&r) != RP_OK || !rp_identity_name_fits(name) || complete(out) != RP_OK)
        err = home_damaged(home, NODE_ASKED, why);
    else
        memcpy(out->request.name, name.data, name.len);
out:
    sodium_memzero(bytes, len);
    free(bytes);
    if (err != RP_OK)
        asked_free(out);
    return err;
}

/* The node of a home, whether it is one or has only asked to be. */
static int read_node(const char *home, struct asked *out, bool *is_node, struct why *why)
{
    int err;

    *is_node = exists(home, ORGANISATION_KEY);
    if (!*is_node && !exists(home, NODE_ASKED))
        return home_fail(RP_ERR_NOT_FOUND, why,
                         "%s is not the home of a node, nor has it asked to be: begin with  rpctl "
                         "--home '%s' init --node-of ORG --name NAME",
                         home_shown(home), home_shown(home));
    if (!*is_node)
        return read_asked(home, out, why);
    *out = (struct asked){0};
    if ((err = node_file_read(home, &out->file, why)) != RP_OK)
        return err;
    memcpy(out->request.org, out->file.certificate.org, RP_ID_LEN);
    memcpy(out->request.name, out->file.certificate.name, sizeof out->request.name);
    if (complete(out) == RP_OK)
        return RP_OK;
    asked_free(out);
    return home_damaged(home, NODE_KEY, why);
}

int home_ask(const char *home, const uint8_t org[static RP_ID_LEN], const char *name,
             struct why *why)
{
    struct asked asked = {0};
    int err;

    if (exists(home, NODE_ASKED)) {
        if ((err = read_asked(home, &asked, why)) != RP_OK)
            return err;
        if (memcmp(asked.request.org, org, RP_ID_LEN) != 0 || strcmp(asked.request.name, name) != 0)
            err = home_fail(RP_ERR_EXISTS, why,
                            "%s has asked to be another node already: say the same as then, or "
                            "remove %s/%s",
                            home_shown(home), home_shown(home), NODE_ASKED);
    } else {
        node_file_make_keys(&asked.file);
        memcpy(asked.request.org, org, RP_ID_LEN);
        snprintf(asked.request.name, sizeof asked.request.name, "%s", name);
        err = write_asked(home, &asked, why);
    }
    asked_free(&asked);
    return err;
}

int home_request(const char *home, struct rp_node_request *out, struct why *why)
{
    struct asked asked;
    bool ignored;
    int err = read_node(home, &asked, &ignored, why);

    if (err != RP_OK)
        return err;
    *out = asked.request;
    asked_free(&asked);
    return RP_OK;
}

/* Granting */

int home_seal_key(const char *home, const struct home_passphrase *passphrase,
                  const uint8_t noise[static RP_KEY_LEN],
                  uint8_t sealed[static RP_GRANT_SEALED_LEN], struct why *why)
{
    uint8_t secrets[KEYRING_SECRETS_LEN];
    struct keyring keyring;
    int err = keyring_read(home, passphrase, &keyring, why);

    if (err != RP_OK)
        return err;
    if ((err = home_need_key(home, &keyring, why)) == RP_OK) {
        memcpy(secrets, keyring.seed, RP_KEY_SEED_LEN);
        memcpy(secrets + RP_KEY_SEED_LEN, keyring.source, RP_KEY_SEED_LEN);
        if (crypto_box_seal(sealed, secrets, sizeof secrets, noise) != 0)
            err = home_fail(RP_ERR_KEY, why, "the new node's key is none that can be sealed for");
    }
    sodium_memzero(secrets, sizeof secrets);
    keyring_free(&keyring);
    return err;
}

/* Accepting */

static int judge_text(int err, struct why *why)
{
    switch (err) {
    case RP_OK:
        return RP_OK;
    case RP_ERR_CHECKSUM:
        return home_fail(err, why, "the grant is garbled: copy it again, whole");
    case RP_ERR_VERSION:
        return home_fail(err, why, "the grant is of a newer version: update rpctl");
    case RP_ERR_KEY:
        return home_fail(err, why,
                         "the grant is for another node, or its certificate does not hold: give "
                         "the other node what  rpctl node request  says here");
    case RP_ERR_SIGNATURE:
        return home_fail(err, why, "the grant was changed by somebody on its way: do not use it");
    default:
        return home_fail(err, why, "that is not a grant: one begins with rpgrant1 (%s)",
                         rp_err_text(err));
    }
}

static int open_key(struct keyring *keyring, const struct rp_grant *grant,
                    const struct node_file *file, struct why *why)
{
    uint8_t secrets[KEYRING_SECRETS_LEN];
    struct rp_dh_key noise;
    bool ok = rp_key_dh_from_secret(&noise, file->secrets[0]) == RP_OK &&
              crypto_box_seal_open(secrets, grant->sealed, sizeof grant->sealed, noise.public,
                                   noise.secret) == 0;

    if (ok) {
        keyring_set_secrets(keyring, secrets);
        ok = keyring_belongs_together(keyring);
    }
    sodium_memzero(secrets, sizeof secrets);
    rp_key_dh_wipe(&noise);
    return ok ? RP_OK
              : home_fail(RP_ERR_KEY, why,
                          "the key in the grant is not the organisation's, or not for this node");
}

/* What organisation.key is to hold; ${keep}: what it holds already. */
static int make_keyring(const char *home, const struct rp_proof *proof,
                        const struct rp_grant *grant, const struct asked *asked, bool is_node,
                        const struct home_passphrase *passphrase, struct keyring *out, bool *keep,
                        struct why *why)
{
    struct keyring known = {0};
    int err = RP_OK;

    *keep = false;
    if (is_node && (err = keyring_read(home, NULL, &known, why)) != RP_OK)
        return err;
    if (known.identity.number > proof->identity.number)
        err = home_fail(RP_ERR_KEY, why,
                        "the grant is by a key that was replaced since: ask for a new one");
    else if (known.is_sealed && grant->has_key && passphrase == NULL)
        err = home_fail(RP_ERR_DENIED, why,
                        "the key here is sealed with a passphrase: say with which one the new one "
                        "is to be: --passphrase-fd N");
    else if (is_node && !grant->has_key && known.identity.number == proof->identity.number)
        *keep = true;
    if (err == RP_OK && !*keep &&
        (err = keyring_take_known(out, proof->inception, proof->successions,
                                  proof->identity.number)) != RP_OK)
        (void)home_fail(err, why, "the grant cannot be used: %s", rp_err_text(err));
    if (err == RP_OK && !*keep && grant->has_key)
        err = open_key(out, grant, &asked->file, why);
    keyring_free(&known);
    return err;
}

/* The certificate in the proof, as it was issued. */
static int take_certificate(struct node_file *file, const struct rp_proof *proof,
                            struct rp_slice packed, struct why *why)
{
    struct rp_slice issued;
    struct rp_reader r;
    int err;

    rp_reader_init(&r, packed);
    (void)rp_reader_array(&r);
    (void)rp_reader_uint(&r);
    issued = rp_reader_bin(&r);
    rp_bytes_free(&file->issued);
    if ((err = rp_bytes_copy(&file->issued, issued.data, issued.len)) != RP_OK)
        return home_fail(err, why, "out of memory");
    file->certificate = proof->certificate;
    return RP_OK;
}

/* Files, so that a crash between two of them is mended by doing it again: a home is one once it has
 * organisation.key. */
static int store_grant(const char *home, const struct asked *asked, const struct keyring *keyring,
                       const struct home_passphrase *passphrase, bool is_node, struct why *why)
{
    char path[HOME_PATH_MAX];
    int err = node_file_write(home, &asked->file, why);

    if (err == RP_OK && keyring != NULL)
        err = keyring_write(home, keyring, passphrase, is_node, why);
    if (err != RP_OK || is_node)
        return err;
    if (home_path(path, home, NODE_ASKED, why) == RP_OK)
        (void)unlink(path);
    home_sync_folder(home);
    return RP_OK;
}

static int accept_opened(const char *home, const struct rp_grant *grant,
                         const struct rp_proof *proof, struct asked *asked, bool is_node,
                         const struct home_passphrase *passphrase, struct why *why)
{
    struct keyring keyring = {0};
    bool keep;
    int err;

    if (memcmp(proof->certificate.sign, asked->request.sign, RP_KEY_LEN) != 0 ||
        memcmp(proof->identity.org, asked->request.org, RP_ID_LEN) != 0)
        return home_fail(RP_ERR_KEY, why,
                         "the grant is by another organisation than the one that was asked");
    err = make_keyring(home, proof, grant, asked, is_node, passphrase, &keyring, &keep, why);
    if (err == RP_OK)
        err = take_certificate(&asked->file, proof, grant->proof, why);
    if (err == RP_OK)
        err = store_grant(home, asked, keep ? NULL : &keyring, grant->has_key ? passphrase : NULL,
                          is_node, why);
    keyring_free(&keyring);
    return err;
}

int home_accept_grant(const char *home, const char *text, const struct home_passphrase *passphrase,
                      struct rp_grant *grant, bool *was_node, struct why *why)
{
    struct rp_proof *proof = malloc(sizeof *proof);
    struct rp_bytes raw = {NULL, 0};
    struct asked asked;
    int err;

    if (proof == NULL)
        return home_fail(RP_ERR_NOMEM, why, "out of memory");
    if ((err = read_node(home, &asked, was_node, why)) != RP_OK)
        goto err0;
    if ((err = judge_text(rp_grant_read(grant, proof, &raw, text, asked.request.noise), why)) ==
        RP_OK)
        err = accept_opened(home, grant, proof, &asked, *was_node, passphrase, why);
    rp_bytes_free(&raw);
    asked_free(&asked);
    grant->proof = (struct rp_slice){NULL, 0};
err0:
    free(proof);
    return err;
}
