#include "chain.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "rp/err.h"
#include "rp/session.h"
#include "rp/text.h"
#include "rp/token.h"
#include "rpctl.h"

#define PATIENCE_S 10
#define READ_SIZE 65536

/* Calling */

/* A socket connected to HOST:PORT; -1 with ${why} a sentence. */
static int call(const char *address, const char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    char host[RP_ADDRESS_LEN_MAX + 1];
    const char *colon = strrchr(address, ':');
    size_t len = colon != NULL ? (size_t)(colon - address) : 0;
    struct addrinfo *found;
    int status;
    int fd = -1;

    *why = "that is no address: give HOST:PORT";
    if (len == 0 || len >= sizeof host || colon[1] == '\0')
        return -1;
    if (address[0] == '[' && address[len - 1] == ']') { /* IPv6 */
        address++;
        len -= 2;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    if ((status = getaddrinfo(host, colon + 1, &hints, &found)) != 0) {
        *why = gai_strerror(status);
        return -1;
    }
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            *why = strerror(errno);
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* Somebody to be for one call: an organisation that nobody knows, and its node. */
struct nobody {
    struct rp_dh_key noise;
    struct rp_bytes proof;
};

static int be_nobody(struct nobody *out)
{
    struct rp_certificate certificate = {.serial = 1, .name = "recovery"};
    uint8_t secrets[3][RP_KEY_SEED_LEN];
    struct rp_bytes inception = {NULL, 0};
    struct rp_bytes issued = {NULL, 0};
    struct rp_identity identity;
    struct rp_key key;
    int err;

    do {
        randombytes_buf(secrets, sizeof secrets);
    } while (rp_key_dh_from_secret(&out->noise, secrets[0]) != RP_OK);
    rp_key_from_seed(&key, secrets[1]);
    if ((err = rp_identity_incept(&inception, key.public, secrets[2], "recovery")) != RP_OK ||
        (err = rp_identity_read(&identity, rp_bytes_slice(&inception))) != RP_OK)
        goto out;
    memcpy(certificate.org, identity.org, RP_ID_LEN);
    memcpy(certificate.key, key.public, RP_KEY_LEN);
    memcpy(certificate.noise, out->noise.public, RP_KEY_LEN);
    memcpy(certificate.sign, key.public, RP_KEY_LEN);
    if ((err = rp_certificate_issue(&issued, &certificate, &key)) == RP_OK)
        err = rp_certificate_prove(&out->proof, rp_bytes_slice(&issued), rp_bytes_slice(&inception),
                                   NULL, 0);
out:
    rp_bytes_free(&inception);
    rp_bytes_free(&issued);
    rp_key_wipe(&key);
    sodium_memzero(secrets, sizeof secrets);
    return err;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool send_all(struct rp_session *session, int fd)
{
    struct rp_slice bytes;

    while (rp_session_transmit(session, &bytes) == RP_OK && bytes.len > 0) {
        size_t at = 0;

        while (at < bytes.len) {
            ssize_t n = send(fd, bytes.data + at, bytes.len - at, MSG_NOSIGNAL);

            if (n <= 0)
                return false;
            at += (size_t)n;
        }
    }
    return true;
}

/* A turn of the talk: sends what there is, and reads until a frame has come or, before the link is
 * open, until it is. */
static int wait_for(struct rp_session *session, int fd, struct rp_slice *frame)
{
    static uint8_t buffer[READ_SIZE];
    bool was_open = rp_session_is_open(session);

    *frame = (struct rp_slice){NULL, 0};
    for (;;) {
        struct rp_slice bytes = {buffer, 0};
        ssize_t n;

        if (!send_all(session, fd))
            return RP_ERR_CLOSED;
        if ((n = recv(fd, buffer, sizeof buffer, 0)) <= 0)
            return n == 0 ? RP_ERR_CLOSED : RP_ERR_TIMEOUT;
        bytes.len = (size_t)n;
        while (bytes.len > 0 && frame->data == NULL) {
            int err = rp_session_receive(session, now_ms(), &bytes, frame);

            if (err != RP_OK)
                return err;
        }
        if (frame->data != NULL || (!was_open && rp_session_is_open(session)))
            return RP_OK;
    }
}

/* Asking */

static int ask(struct rp_session *session, const uint8_t *org, const struct rp_paper *paper,
               const uint8_t *noise)
{
    const struct rp_proof *proof = rp_session_proof(session);
    struct rp_writer w;
    struct rp_key key;
    int err;

    rp_key_from_seed(&key, paper->seed);
    rp_writer_init(&w, 1024);
    rp_recover_write(&w, org, &key, noise, proof->certificate.noise);
    err = w.err == RP_OK ? rp_session_send(session, rp_writer_slice(&w)) : w.err;
    rp_writer_free(&w);
    rp_key_wipe(&key);
    return err;
}

/* Keeps the answer, and who gave it. */
static int take_answer(struct chain_answer *out, const struct rp_session *session,
                       struct rp_slice frame, const char *address)
{
    const struct rp_proof *proof = rp_session_proof(session);
    struct rp_refusal refusal;
    int err;

    if (rp_message_type(frame) == RP_MESSAGE_REFUSE &&
        rp_message_read_refuse(&refusal, frame) == RP_OK) {
        fputs("rpctl: ", stderr);
        print_text(stderr, (const char *)refusal.text.data, refusal.text.len, false);
        fputs("\n", stderr);
        return RP_ERR_NOT_FOUND;
    }
    if ((err = rp_bytes_copy(&out->frame, frame.data, frame.len)) != RP_OK ||
        (err = rp_chain_read(&out->chain, rp_bytes_slice(&out->frame))) != RP_OK)
        return err;
    memcpy(out->peer.org, proof->identity.org, RP_ID_LEN);
    out->peer.added = (uint64_t)time(NULL) * 1000;
    out->peer.addresses = 1;
    snprintf(out->peer.address[0].text, sizeof out->peer.address[0].text, "%s", address);
    return RP_OK;
}

/* The whole talk with one address. RP_ERR_NOT_FOUND when it was had, and it said why. */
static int talk(struct chain_answer *out, const uint8_t *org, const struct rp_paper *paper,
                const uint8_t *expected, const char *address)
{
    uint8_t ephemeral[RP_KEY_LEN];
    struct nobody nobody = {.proof = {NULL, 0}};
    struct rp_session_opts opts = {
        .initiator = true, .key = &nobody.noise, .ephemeral = ephemeral, .expected_org = expected};
    struct rp_session *session = NULL;
    struct rp_slice frame;
    const char *why = "";
    int fd = call(address, &why);
    int err;

    if (fd < 0) {
        complain("rpctl: %s: %s", address, why);
        return RP_ERR_OFFLINE;
    }
    randombytes_buf(ephemeral, sizeof ephemeral);
    if ((err = be_nobody(&nobody)) != RP_OK)
        goto out;
    opts.proof = rp_bytes_slice(&nobody.proof);
    err = RP_ERR_NOMEM;
    if ((session = rp_session_new(&opts, now_ms())) == NULL)
        goto out;
    while ((err = wait_for(session, fd, &frame)) == RP_OK && frame.data == NULL) {
        if ((err = ask(session, org, paper, nobody.noise.public)) != RP_OK)
            goto out;
    }
    if (err == RP_OK)
        err = take_answer(out, session, frame, address);
out:
    if (err != RP_OK && err != RP_ERR_NOT_FOUND)
        complain("rpctl: %s: %s", address, rp_err_text(err));
    rp_session_free(session);
    rp_bytes_free(&nobody.proof);
    rp_key_dh_wipe(&nobody.noise);
    sodium_memzero(ephemeral, sizeof ephemeral);
    close(fd);
    return err;
}

/* By an invite: whom to expect is known, and with what to be let in later. */
static bool fetch_by_token(struct chain_answer *out, const uint8_t *org,
                           const struct rp_paper *paper, const char *text)
{
    static struct rp_token token;
    int err = rp_token_read(&token, text);

    if (err != RP_OK) {
        fputs("rpctl: the invite is garbled: copy it again, whole\n", stderr);
        return false;
    }
    err = RP_ERR_OFFLINE;
    for (uint32_t i = 0; i < token.addresses && err != RP_OK && err != RP_ERR_NOT_FOUND; i++)
        err = talk(out, org, paper, token.org, token.address[i]);
    if (err == RP_OK) {
        out->peer.joining = true;
        memcpy(out->peer.secret, token.secret, sizeof out->peer.secret);
    }
    sodium_memzero(&token, sizeof token);
    return err == RP_OK;
}

bool chain_fetch(struct chain_answer *out, const uint8_t org[static RP_ID_LEN],
                 const struct rp_paper *paper, const char *where)
{
    *out = (struct chain_answer){0};
    if (strncmp(where, "rpinvite1", 9) == 0)
        return fetch_by_token(out, org, paper, where);
    return talk(out, org, paper, NULL, where) == RP_OK;
}

void chain_free(struct chain_answer *answer)
{
    rp_bytes_free(&answer->frame);
    sodium_memzero(answer, sizeof *answer);
}
