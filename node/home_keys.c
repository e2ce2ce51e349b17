#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "author/author.h"
#include "home_private.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define NODE_KEY_VERSION 1
#define CREDENTIAL "rpnode.passphrase"

/* Passphrases */

int home_read_passphrase(int fd, struct home_passphrase *out, struct why *why)
{
    uint8_t *end;
    ssize_t n = 1;

    out->len = 0;
    while (n > 0 && out->len < sizeof out->text) {
        n = read(fd, out->text + out->len, sizeof out->text - out->len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            out->len += (size_t)n;
        if (n > 0 && memchr(out->text, '\n', out->len) != NULL)
            break;
    }
    if (n < 0)
        return home_fail(RP_ERR_IO, why,
                         "the passphrase cannot be read from file descriptor %d: %s", fd,
                         strerror(errno));
    if ((end = memchr(out->text, '\n', out->len)) != NULL)
        out->len = (size_t)(end - out->text);
    if (out->len > 0 && out->text[out->len - 1] == '\r')
        out->len--;
    if (out->len == 0 || out->len == sizeof out->text)
        return home_fail(RP_ERR_ARGUMENT, why, "a passphrase is one line of 1 to %d bytes",
                         HOME_PASSPHRASE_MAX - 1);
    return RP_OK;
}

int home_read_credential(struct home_passphrase *out, struct why *why)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[HOME_PATH_MAX];
    int err;
    int fd;

    if (folder == NULL || snprintf(path, sizeof path, "%s/" CREDENTIAL, folder) >= HOME_PATH_MAX ||
        access(path, F_OK) != 0)
        return RP_ERR_NOT_FOUND;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return home_fail(RP_ERR_IO, why, "%s: cannot be read: %s", path, strerror(errno));
    err = home_read_passphrase(fd, out, why);
    close(fd);
    return err;
}

/* node.key */

void node_file_free(struct node_file *file)
{
    rp_bytes_free(&file->issued);
    sodium_memzero(file, sizeof *file);
}

int node_file_write(const char *home, const struct node_file *file, struct why *why)
{
    struct rp_writer w;
    int err;

    rp_writer_init_secret(&w, KEY_FILE_MAX);
    rp_writer_array(&w, 4);
    rp_writer_uint(&w, NODE_KEY_VERSION);
    rp_writer_bin(&w, file->secrets[0], RP_KEY_LEN);
    rp_writer_bin(&w, file->secrets[1], RP_KEY_LEN);
    rp_writer_bin(&w, file->issued.data, file->issued.len);
    if ((err = w.err) != RP_OK)
        (void)home_fail(err, why, "%s cannot be written: %s", NODE_KEY, rp_err_text(err));
    else
        err = home_replace(home, NODE_KEY, rp_writer_slice(&w), why);
    rp_writer_free(&w);
    return err;
}

/* The organisation's word, by its key of today, that this node acts for it. */
static int certify(struct node_file *file, const struct rp_identity *identity,
                   const struct rp_key *key, const char *name, uint64_t now_ms)
{
    struct rp_certificate certificate = {.serial = now_ms, .issued = now_ms};
    struct rp_dh_key noise;
    struct rp_key sign;
    int err;

    if ((err = rp_key_dh_from_secret(&noise, file->secrets[0])) != RP_OK)
        return err;
    rp_key_from_seed(&sign, file->secrets[1]);
    memcpy(certificate.org, identity->org, RP_ID_LEN);
    memcpy(certificate.key, key->public, RP_KEY_LEN);
    memcpy(certificate.noise, noise.public, RP_KEY_LEN);
    memcpy(certificate.sign, sign.public, RP_KEY_LEN);
    memcpy(certificate.name, name, strlen(name) + 1);
    rp_key_wipe(&sign);
    rp_key_dh_wipe(&noise);
    rp_bytes_free(&file->issued);
    file->certificate = certificate;
    return rp_certificate_issue(&file->issued, &certificate, key);
}

void node_file_make_keys(struct node_file *file)
{
    struct rp_dh_key noise;

    do {
        home_random(file->secrets[0], sizeof file->secrets);
    } while (rp_key_dh_from_secret(&noise, file->secrets[0]) != RP_OK);
    rp_key_dh_wipe(&noise);
}

static int write_node_key(const char *home, const struct rp_key *key,
                          const struct rp_identity *identity, uint64_t now_ms, struct why *why)
{
    struct node_file file = {0};
    int err;

    node_file_make_keys(&file);
    if ((err = certify(&file, identity, key, identity->name, now_ms)) != RP_OK)
        (void)home_fail(err, why, "no certificate was made: %s", rp_err_text(err));
    else
        err = node_file_write(home, &file, why);
    node_file_free(&file);
    return err;
}

int node_file_read(const char *home, struct node_file *out, struct why *why)
{
    struct rp_slice issued;
    struct rp_reader r;
    uint8_t *bytes = malloc(KEY_FILE_MAX);
    size_t len = 0;
    int err;

    *out = (struct node_file){0};
    if (bytes == NULL)
        return home_fail(RP_ERR_NOMEM, why, "out of memory");
    if ((err = home_read_private(home, NODE_KEY, bytes, &len, why)) != RP_OK)
        goto out;
    rp_reader_init(&r, (struct rp_slice){bytes, len});
    if (rp_canonical_check(bytes, len) != RP_OK || rp_reader_array(&r) != 4 ||
        rp_reader_uint(&r) != NODE_KEY_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->secrets[0], RP_KEY_LEN);
    rp_reader_bin_into(&r, out->secrets[1], RP_KEY_LEN);
    issued = rp_reader_bin(&r);
    if (rp_reader_end(&r) != RP_OK || rp_certificate_open(&out->certificate, issued) != RP_OK)
        err = home_damaged(home, NODE_KEY, why);
    else if ((err = rp_bytes_copy(&out->issued, issued.data, issued.len)) != RP_OK)
        (void)home_fail(err, why, "out of memory");
out:
    sodium_memzero(bytes, len);
    free(bytes);
    if (err != RP_OK)
        node_file_free(out);
    return err;
}

/* Making */

/* Takes back what was written. */
static void remove_keys(const char *home)
{
    static const char *const names[] = {ORGANISATION_KEY, NODE_KEY};
    char path[HOME_PATH_MAX];
    struct why ignored;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (home_path(path, home, names[i], &ignored) == RP_OK)
            (void)unlink(path);
    }
    home_sync_folder(home);
}

static int not_shown(struct why *why)
{
    return home_fail(RP_ERR_IO, why,
                     "the paper key could not be shown, so nothing was made: make sure that what "
                     "this prints can be read or stored, and try again");
}

/* A new paper key, and the digest by which it is committed to. */
static void make_paper(struct rp_paper *paper, uint32_t number, uint8_t digest[static RP_HASH_LEN])
{
    struct rp_key next;

    *paper = (struct rp_paper){.number = number};
    home_random(paper->seed, sizeof paper->seed);
    rp_key_from_seed(&next, paper->seed);
    rp_key_next_digest(digest, next.public);
    rp_key_wipe(&next);
}

/* Makes an organisation with new keys in memory, its next one in ${paper}. */
static int incept(struct keyring *out, const char *name, struct rp_paper *paper)
{
    uint8_t next[RP_HASH_LEN];
    struct rp_key key;
    int err;

    *out = (struct keyring){.has_key = true, .is_open = true};
    home_random(out->seed, sizeof out->seed);
    home_random(out->source, sizeof out->source);
    make_paper(paper, 1, next);
    rp_key_from_seed(&key, out->seed);
    err = rp_identity_incept(&out->inception, key.public, next, name);
    rp_key_wipe(&key);
    return err == RP_OK ? rp_identity_read(&out->identity, rp_bytes_slice(&out->inception)) : err;
}

int home_create(const char *home, const char *name, uint64_t now_ms,
                const struct home_passphrase *passphrase, home_show *show, void *ctx,
                struct why *why)
{
    struct keyring keyring;
    struct rp_paper paper;
    struct rp_key key;
    int err = home_prepare(home, name, why);

    if (err != RP_OK)
        return err;
    if ((err = incept(&keyring, name, &paper)) != RP_OK) {
        (void)home_fail(err, why, "the organisation was not made: %s", rp_err_text(err));
        goto out;
    }
    rp_key_from_seed(&key, keyring.seed);
    err = write_node_key(home, &key, &keyring.identity, now_ms, why);
    rp_key_wipe(&key);
    if (err == RP_OK && !show(ctx, &paper, keyring.identity.org))
        err = not_shown(why);
    /* the organisation's key last: a home is one once it has that */
    if (err == RP_OK)
        err = keyring_write(home, &keyring, passphrase, false, why);
    if (err != RP_OK)
        remove_keys(home);
out:
    sodium_memzero(&paper, sizeof paper);
    keyring_free(&keyring);
    return err;
}

/* Replacing */

/* Whether the paper key is the one to sign the next succession. */
static int check_paper(const struct rp_identity *identity, const struct rp_paper *paper,
                       struct rp_key *key, struct why *why)
{
    uint8_t digest[RP_HASH_LEN];

    if (identity->number == RP_SUCCESSIONS_MAX)
        return home_fail(RP_ERR_LIMIT, why,
                         "the key was replaced %d times, and cannot be once more: begin a new "
                         "organisation",
                         RP_SUCCESSIONS_MAX);
    if (paper->number != identity->number + 1)
        return home_fail(RP_ERR_KEY, why,
                         "this is paper key number %u, and number %u is the next one",
                         paper->number, identity->number + 1);
    rp_key_from_seed(key, paper->seed);
    rp_key_next_digest(digest, key->public);
    if (memcmp(digest, identity->next, sizeof digest) == 0)
        return RP_OK;
    rp_key_wipe(key);
    return home_fail(RP_ERR_KEY, why, "this is not the paper key of %s", identity->name);
}

/* Writes the succession, and follows it. */
static int succeed(struct keyring *keyring, const struct home_succession *how,
                   const struct rp_key *signer, const uint8_t next[static RP_HASH_LEN])
{
    struct rp_succession succession = {
        .number = keyring->identity.number + 1,
        .listed = how->listed,
        .stands_by = how->stands_by,
    };
    uint8_t seed[RP_RAND_SEED_LEN];
    struct rp_rand rand;
    struct author author = {signer, keyring->identity.org, &rand, how->now_ms};
    struct rp_bytes *packed = &keyring->succession[keyring->successions];
    struct rp_opened opened;
    struct rp_key key;
    int err;

    home_random(seed, sizeof seed);
    rp_rand_init(&rand, seed);
    rp_key_from_seed(&key, keyring->seed);
    memcpy(succession.key, key.public, RP_KEY_LEN);
    memcpy(succession.next, next, RP_HASH_LEN);
    for (uint32_t i = 0; i < how->stands_by; i++)
        memcpy(succession.ids[i], how->ids[i], RP_ID_LEN);
    rp_key_wipe(&key);
    sodium_memzero(seed, sizeof seed);
    if ((err = author_succession(packed, &author, &succession)) != RP_OK)
        return err;
    keyring->successions++;
    if ((err = rp_record_open(&opened, rp_bytes_slice(packed))) != RP_OK)
        return err;
    err = rp_identity_succeed(&keyring->identity, &opened.record);
    rp_record_close(&opened);
    return err;
}

/* Gives the organisation in ${keyring} a new key, and shows the next paper key. */
static int replace_key(struct keyring *keyring, const struct home_succession *how, struct why *why)
{
    uint8_t next[RP_HASH_LEN];
    struct rp_paper paper;
    struct rp_key signer;
    int err = check_paper(&keyring->identity, how->paper, &signer, why);

    if (err != RP_OK)
        return err;
    make_paper(&paper, how->paper->number + 1, next);
    home_random(keyring->seed, sizeof keyring->seed);
    if (!keyring->is_open)
        home_random(keyring->source, sizeof keyring->source);
    keyring->has_key = keyring->is_open = true;
    if ((err = succeed(keyring, how, &signer, next)) != RP_OK)
        (void)home_fail(err, why, "no succession was made: %s", rp_err_text(err));
    else if (!how->show(how->ctx, &paper, keyring->identity.org))
        err = not_shown(why);
    rp_key_wipe(&signer);
    sodium_memzero(&paper, sizeof paper);
    return err;
}

int home_need_key(const char *home, const struct keyring *keyring, struct why *why)
{
    if (keyring->is_open)
        return RP_OK;
    if (keyring->has_key)
        return home_fail(RP_ERR_DENIED, why,
                         "%s/%s is sealed with a passphrase: give it with  --passphrase-fd N , or "
                         "as the systemd credential %s",
                         home_shown(home), ORGANISATION_KEY, CREDENTIAL);
    return home_fail(RP_ERR_DENIED, why,
                     "this node has no key of its organisation: do this at the node that has it");
}

int home_succeed(const char *home, const struct home_succession *how, struct why *why)
{
    struct keyring keyring;
    int err = keyring_read(home, how->key_is_lost ? NULL : how->passphrase, &keyring, why);

    if (err != RP_OK)
        return err;
    if (!how->key_is_lost)
        err = home_need_key(home, &keyring, why);
    if (err == RP_OK)
        err = replace_key(&keyring, how, why);
    if (err == RP_OK) /* the node's certificate follows when that starts: see home_load */
        err = keyring_write(home, &keyring, how->passphrase, true, why);
    keyring_free(&keyring);
    return err;
}

int home_recover(const char *home, struct rp_slice inception, const struct rp_slice *successions,
                 uint32_t n, const struct home_succession *how, struct why *why)
{
    struct keyring keyring = {0};
    struct rp_key key;
    int err = keyring_take_known(&keyring, inception, successions, n);

    if (err != RP_OK) {
        (void)home_fail(err, why, "what is known of the organisation is no chain of keys");
        goto out;
    }
    if ((err = home_prepare(home, keyring.identity.name, why)) != RP_OK ||
        (err = replace_key(&keyring, how, why)) != RP_OK)
        goto out;
    rp_key_from_seed(&key, keyring.seed);
    err = write_node_key(home, &key, &keyring.identity, how->now_ms, why);
    rp_key_wipe(&key);
    if (err == RP_OK)
        err = keyring_write(home, &keyring, how->passphrase, false, why);
    if (err != RP_OK)
        remove_keys(home);
out:
    keyring_free(&keyring);
    return err;
}

/* Loading */

int home_organisation(const char *home, struct home_organisation *out, struct why *why)
{
    struct keyring keyring;
    int err = keyring_read(home, NULL, &keyring, why);

    if (err != RP_OK)
        return err;
    *out = (struct home_organisation){keyring.identity, keyring.has_key, keyring.is_sealed};
    keyring_free(&keyring);
    return RP_OK;
}

/* What of the keyring a node works with; moves it. */
static void take_organisation(struct home_keys *out, struct keyring *keyring)
{
    out->self.identity = keyring->identity;
    out->self.keyless = !keyring->is_open;
    if (keyring->is_open) {
        rp_key_from_seed(&out->self.key, keyring->seed);
        memcpy(out->self.source, keyring->source, sizeof out->self.source);
    }
    out->inception = keyring->inception;
    out->self.inception = rp_bytes_slice(&out->inception);
    out->self.successions = keyring->successions;
    for (uint32_t i = 0; i < keyring->successions; i++) {
        out->succession[i] = keyring->succession[i];
        out->self.succession[i] = rp_bytes_slice(&out->succession[i]);
        keyring->succession[i] = (struct rp_bytes){NULL, 0};
    }
    keyring->inception = (struct rp_bytes){NULL, 0};
}

/* Has the certificate issued anew when the key that signed it is not the one in use any more. */
static int renew_certificate(const char *home, const struct home_keys *keys, struct node_file *file,
                             struct why *why)
{
    const struct rp_identity *identity = &keys->self.identity;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    char name[RP_NAME_LEN_MAX + 1];
    int err;

    if (keys->self.keyless ||
        memcmp(file->certificate.key, identity->keys[identity->number], RP_KEY_LEN) == 0)
        return RP_OK;
    memcpy(name, file->certificate.name, sizeof name);
    if (now_ms <= file->certificate.issued) /* each has a number of its own */
        now_ms = file->certificate.issued + 1;
    err = certify(file, identity, &keys->self.key, name, now_ms);
    if (err != RP_OK)
        return home_fail(err, why, "no certificate was made: %s", rp_err_text(err));
    return node_file_write(home, file, why);
}

static int load_node(const char *home, struct home_keys *out, struct why *why)
{
    struct node_file file;
    int err = node_file_read(home, &file, why);

    if (err != RP_OK)
        return err;
    rp_key_from_seed(&out->self.node, file.secrets[1]);
    if (rp_key_dh_from_secret(&out->self.noise, file.secrets[0]) != RP_OK) {
        err = home_damaged(home, NODE_KEY, why);
    } else if (memcmp(file.certificate.org, out->self.identity.org, RP_ID_LEN) != 0 ||
               memcmp(file.certificate.noise, out->self.noise.public, RP_KEY_LEN) != 0 ||
               memcmp(file.certificate.sign, out->self.node.public, RP_KEY_LEN) != 0) {
        err = home_fail(RP_ERR_KEY, why,
                        "%s/%s is the key of another node: put back the one that belongs here",
                        home_shown(home), NODE_KEY);
    } else if ((err = renew_certificate(home, out, &file, why)) == RP_OK) {
        memcpy(out->node_name, file.certificate.name, sizeof out->node_name);
        err = rp_certificate_prove(&out->proof, rp_bytes_slice(&file.issued), out->self.inception,
                                   out->self.succession, out->self.successions);
        out->self.proof = rp_bytes_slice(&out->proof);
        if (err == RP_OK)
            err = rp_bytes_copy(&out->issued, file.issued.data, file.issued.len);
        out->self.issued = rp_bytes_slice(&out->issued);
        if (err != RP_OK)
            (void)home_fail(err, why, "the keys cannot be used: %s", rp_err_text(err));
    }
    node_file_free(&file);
    return err;
}

int home_load(const char *home, const struct home_passphrase *passphrase, struct home_keys *out,
              struct why *why)
{
    char path[HOME_PATH_MAX];
    struct keyring keyring;
    int err;

    *out = (struct home_keys){0};
    if ((err = home_path(path, home, ORGANISATION_KEY, why)) != RP_OK)
        return err;
    if (access(path, F_OK) != 0)
        return home_fail(RP_ERR_NOT_FOUND, why,
                         "%s is not the home of a node: make one with  rpctl --home '%s' init "
                         "--name NAME",
                         home_shown(home), home_shown(home));
    if ((err = home_check_private(home_shown(home), why)) != RP_OK ||
        (err = keyring_read(home, passphrase, &keyring, why)) != RP_OK)
        return err;
    if (keyring.has_key)
        err = home_need_key(home, &keyring, why);
    take_organisation(out, &keyring);
    keyring_free(&keyring);
    if (err == RP_OK)
        err = load_node(home, out, why);
    if (err != RP_OK)
        home_keys_free(out);
    return err;
}

void home_keys_free(struct home_keys *keys)
{
    rp_bytes_free(&keys->inception);
    for (uint32_t i = 0; i < RP_SUCCESSIONS_MAX; i++)
        rp_bytes_free(&keys->succession[i]);
    rp_bytes_free(&keys->proof);
    rp_bytes_free(&keys->issued);
    sodium_memzero(keys, sizeof *keys);
}
