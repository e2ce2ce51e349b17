/*
 * One side of a Noise handshake by librp, on standard input and output: each message is preceded by
 * its length in 2 bytes, big-endian (SPEC 3.1). After the handshake it sends back what it receives,
 * until the input ends. Each payload it read, the other side's static key and the handshake hash go
 * to standard error.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rp/err.h"
#include "rp/limits.h"
#include "rp/noise.h"

static const uint8_t prologue[] = {'r', 'p', '/', '1'};
static uint8_t message[RP_NOISE_MESSAGE_MAX];
static uint8_t plain[RP_NOISE_MESSAGE_MAX];

static void say(const char *what, const uint8_t *data, size_t len)
{
    fprintf(stderr, "%s ", what);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, "%02x", data[i]);
    fputc('\n', stderr);
}

static bool read_message(size_t *len)
{
    uint8_t header[2];

    if (fread(header, sizeof header, 1, stdin) != 1)
        return false;
    *len = (size_t)header[0] << 8 | header[1];
    return fread(message, 1, *len, stdin) == *len;
}

static bool write_message(size_t len)
{
    const uint8_t header[2] = {(uint8_t)(len >> 8), (uint8_t)len};

    return fwrite(header, sizeof header, 1, stdout) == 1 &&
           fwrite(message, 1, len, stdout) == len && fflush(stdout) == 0;
}

/* Each message but the first carries a payload, as on a link. */
static int shake_hands(struct rp_noise *noise, const char *role)
{
    size_t len;
    int err = RP_OK;

    while (err == RP_OK && !rp_noise_is_done(noise)) {
        struct rp_slice payload = {NULL, 0};

        if (rp_noise_must_write(noise)) {
            if (rp_noise_message(noise) > 0)
                payload = rp_bytes_str(role);
            err = rp_noise_write(noise, payload, message, &len);
            if (err == RP_OK && !write_message(len))
                err = RP_ERR_IO;
        } else if (!read_message(&len)) {
            err = RP_ERR_IO;
        } else {
            err = rp_noise_read(noise, (struct rp_slice){message, len}, plain, &len);
            if (err == RP_OK)
                say("payload", plain, len);
        }
    }
    return err;
}

static int echo(const struct rp_noise *noise)
{
    struct rp_noise_cipher send;
    struct rp_noise_cipher receive;
    size_t len;
    int err = RP_OK;

    rp_noise_split(noise, &send, &receive);
    while (err == RP_OK && read_message(&len)) {
        err = rp_noise_unseal(&receive, (struct rp_slice){message, len}, plain);
        if (err != RP_OK)
            break;
        err = rp_noise_seal(&send, (struct rp_slice){plain, len - RP_NOISE_TAG_LEN}, message);
        if (err == RP_OK && !write_message(len))
            err = RP_ERR_IO;
    }
    rp_noise_cipher_wipe(&send);
    rp_noise_cipher_wipe(&receive);
    return err;
}

int main(int argc, char **argv)
{
    uint8_t secret[RP_KEY_LEN];
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_dh_key key;
    struct rp_noise_opts opts = {
        .prologue = {prologue, sizeof prologue},
        .static_key = &key,
        .ephemeral_secret = ephemeral,
    };
    struct rp_noise *noise;
    int err;

    if (argc != 2 || (strcmp(argv[1], "initiator") != 0 && strcmp(argv[1], "responder") != 0)) {
        fputs("usage: noise_peer initiator|responder\n", stderr);
        return 2;
    }
    opts.initiator = strcmp(argv[1], "initiator") == 0;
    if (sodium_init() < 0)
        return 1;
    randombytes_buf(secret, sizeof secret);
    randombytes_buf(ephemeral, sizeof ephemeral);
    if (rp_key_dh_from_secret(&key, secret) != RP_OK || (noise = rp_noise_new(&opts)) == NULL)
        return 1;
    say("static", key.public, sizeof key.public);
    if ((err = shake_hands(noise, argv[1])) == RP_OK) {
        say("remote", rp_noise_remote_static(noise), RP_KEY_LEN);
        err = echo(noise);
        say("hash", rp_noise_handshake_hash(noise), RP_NOISE_HASH_LEN);
    }
    rp_noise_free(noise);
    if (err != RP_OK)
        fprintf(stderr, "failed: %s\n", rp_err_text(err));
    return err == RP_OK ? 0 : 1;
}
