#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "home.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rpctl.h"

struct client {
    int fd;
    uint64_t next_number;
    uint8_t *frame;
};

static const char *const command_names[] = {
#define X(name, text, changes) text,
    CONTROL_COMMANDS(X)
#undef X
};

/*
 * Connects to the socket in ${home}. From within that folder, since a socket's address has room for
 * 107 characters only and homes lie deep.
 */
static int connect_in(const char *home, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = HOME_SOCKET};
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = -1;
    int error;

    if (here >= 0 && chdir(home) == 0)
        result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    error = errno;
    if (here >= 0) {
        if (fchdir(here) != 0)
            result = -1;
        close(here);
    }
    errno = error;
    return result;
}

static void say_unreachable(const char *home, int error)
{
    char key[HOME_PATH_MAX + 32];

    snprintf(key, sizeof key, "%s/organisation.key", home);
    if (error == EACCES)
        fprintf(stderr, "rpctl: %s belongs to another user: run this as that user\n", home);
    else if (access(key, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        fprintf(
            stderr,
            "rpctl: there is no node in %s: make one with  rpctl --home '%s' init --name NAME\n",
            home, home);
    else
        fprintf(stderr, "rpctl: the node is not running: start it with  rpnode --home '%s'\n",
                home);
}

struct client *client_open(const char *home)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL || (client->frame = malloc(RP_FRAME_MAX)) == NULL) {
        fputs("rpctl: out of memory\n", stderr);
        free(client);
        return NULL;
    }
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect_in(home, client->fd) != 0) {
        say_unreachable(home, errno);
        client_close(client);
        return NULL;
    }
    return client;
}

bool client_can_open(const char *home)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = fd >= 0 && connect_in(home, fd) == 0;

    if (fd >= 0)
        close(fd);
    return can;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    if (client->fd >= 0)
        close(client->fd);
    free(client->frame);
    free(client);
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

uint64_t client_send(struct client *client, enum control_command command, struct rp_writer *args)
{
    uint8_t header[CONTROL_HEADER_LEN];
    struct rp_writer w;
    bool ok;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_array(&w, 3);
    rp_writer_uint(&w, ++client->next_number);
    rp_writer_str(&w, command_names[command]);
    rp_writer_raw(&w, rp_writer_slice(args));
    ok = w.err == RP_OK && args->err == RP_OK;
    rp_writer_reset(args);
    for (int i = 0; i < CONTROL_HEADER_LEN; i++)
        header[i] = (uint8_t)(w.len >> 8 * (CONTROL_HEADER_LEN - 1 - i));
    if (!ok)
        fputs("rpctl: too large to be sent\n", stderr);
    else if (!(ok = write_all(client->fd, header, sizeof header) &&
                    write_all(client->fd, w.data, w.len)))
        fputs("rpctl: the node has ended the connection\n", stderr);
    rp_writer_free(&w);
    return ok ? client->next_number : 0;
}

char *base64_encode(const uint8_t *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);

    if (text != NULL)
        sodium_bin2base64(text, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

uint8_t *base64_decode(const char *text, size_t *len)
{
    size_t size = strlen(text);
    uint8_t *data = malloc(size > 0 ? size : 1);

    if (data != NULL && sodium_base642bin(data, size, text, size, NULL, len, NULL,
                                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        free(data);
        data = NULL;
    }
    return data;
}

/* JSON's integers are read as 64 bits with a sign nearly everywhere: what is larger is text. */
static json_t *json_of_uint(uint64_t number)
{
    char digits[24];

    if (number <= INT64_MAX)
        return json_integer((json_int_t)number);
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    return json_string(digits);
}

/* The next value; NULL when it cannot be told as JSON. */
static json_t *json_of(struct rp_reader *r)
{
    struct rp_slice slice;
    json_t *value;
    bool ok = true;
    char *text;
    uint32_t n;

    switch (rp_reader_peek(r)) {
    case RP_TYPE_NIL:
        (void)rp_reader_nil(r);
        return json_null();
    case RP_TYPE_BOOL:
        return json_boolean(rp_reader_bool(r));
    case RP_TYPE_UINT:
        return json_of_uint(rp_reader_uint(r));
    case RP_TYPE_INT:
        return json_integer(rp_reader_int(r));
    case RP_TYPE_STR:
        slice = rp_reader_str(r);
        return json_stringn((const char *)slice.data, slice.len);
    case RP_TYPE_BIN:
        slice = rp_reader_bin(r);
        text = base64_encode(slice.data, slice.len);
        value = text != NULL ? json_string(text) : NULL;
        free(text);
        return value;
    case RP_TYPE_ARRAY:
        n = rp_reader_array(r);
        value = json_array();
        for (uint32_t i = 0; i < n && r->err == RP_OK; i++)
            ok = json_array_append_new(value, json_of(r)) == 0 && ok;
        break;
    case RP_TYPE_MAP:
        n = rp_reader_map(r);
        value = json_object();
        for (uint32_t i = 0; i < n && r->err == RP_OK; i++) {
            slice = rp_reader_str(r);
            ok =
                json_object_setn_new(value, (const char *)slice.data, slice.len, json_of(r)) == 0 &&
                ok;
        }
        break;
    default:
        return NULL;
    }
    if (ok)
        return value;
    json_decref(value);
    return NULL;
}

/* Reads one frame into client->frame; its length, or 0. */
static size_t read_frame(struct client *client)
{
    uint8_t header[CONTROL_HEADER_LEN];
    size_t len = 0;

    if (!read_all(client->fd, header, sizeof header))
        return 0;
    for (int i = 0; i < CONTROL_HEADER_LEN; i++)
        len = len << 8 | header[i];
    return len > 0 && len <= RP_FRAME_MAX && read_all(client->fd, client->frame, len) ? len : 0;
}

bool client_next(struct client *client, struct reply *out)
{
    struct rp_reader r;
    struct rp_slice type;
    size_t len = read_frame(client);

    if (len == 0) {
        fputs("rpctl: the node has ended the connection\n", stderr);
        return false;
    }
    rp_reader_init(&r, (struct rp_slice){client->frame, len});
    if (rp_canonical_check(client->frame, len) != RP_OK)
        rp_reader_fail(&r);
    (void)rp_reader_array(&r);
    out->number = rp_reader_uint(&r);
    type = rp_reader_str(&r);
    out->type = rp_bytes_compare(type, rp_bytes_str("item")) == 0   ? REPLY_ITEM
                : rp_bytes_compare(type, rp_bytes_str("done")) == 0 ? REPLY_DONE
                                                                    : REPLY_ERROR;
    out->value = json_of(&r);
    if (rp_reader_end(&r) == RP_OK && out->value != NULL)
        return true;
    if (rp_reader_end(&r) == RP_OK && out->type == REPLY_ITEM) {
        fputs("rpctl: one item of the answer cannot be told as JSON and is left out\n", stderr);
        return true;
    }
    json_decref(out->value);
    fputs("rpctl: the node's answer is not understood: are both of the same version?\n", stderr);
    return false;
}

void say_error(const json_t *error)
{
    const char *field = text_of(error, "field");

    if (field[0] != '\0')
        complain("rpctl: %s: %s", field, text_of(error, "text"));
    else
        complain("rpctl: %s", text_of(error, "text"));
}

int client_call(struct client *client, enum control_command command, struct rp_writer *args,
                void (*item)(void *ctx, const json_t *value), void *ctx, json_t **done)
{
    int status = EXIT_DONE;
    struct reply reply;

    if (done != NULL)
        *done = NULL;
    if (client_send(client, command, args) == 0)
        return EXIT_FAILED;
    while (client_next(client, &reply)) {
        if (reply.type == REPLY_ITEM) {
            if (reply.value == NULL)
                status = EXIT_FAILED;
            else if (item != NULL)
                item(ctx, reply.value);
            json_decref(reply.value);
            continue;
        }
        if (reply.type == REPLY_ERROR)
            say_error(reply.value);
        else if (done != NULL)
            *done = json_incref(reply.value);
        json_decref(reply.value);
        return reply.type == REPLY_DONE ? status : EXIT_FAILED;
    }
    return EXIT_FAILED;
}

static void collect(void *ctx, const json_t *value)
{
    json_array_append(ctx, (json_t *)(uintptr_t)value);
}

int client_show(struct client *client, const char *id, const char *export, json_t **object)
{
    json_t *versions = json_array();
    struct rp_writer w;
    int status;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "export");
    rp_writer_str(&w, export != NULL ? export : "");
    rp_writer_str(&w, "id");
    rp_writer_str(&w, id);
    status = client_call(client, CONTROL_SHOW, &w, collect, versions, object);
    rp_writer_free(&w);
    if (*object != NULL)
        json_object_set(*object, "versions", versions);
    json_decref(versions);
    return status;
}

int client_list_objects(struct client *client, const struct client_listing *listing,
                        void (*item)(void *ctx, const json_t *value), void *ctx)
{
    const char *const args[][2] = {{"author", listing->author},
                                   {"circle", listing->circle},
                                   {"export", listing->export},
                                   {"kind", listing->kind}};
    struct rp_writer w;
    uint32_t n = 0;
    int status;

    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
        n += args[i][1] != NULL;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, n);
    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++) {
        if (args[i][1] == NULL)
            continue;
        rp_writer_str(&w, args[i][0]);
        rp_writer_str(&w, args[i][1]);
    }
    status = client_call(client, CONTROL_LIST, &w, item, ctx, NULL);
    rp_writer_free(&w);
    return status;
}

int client_list(const char *home, enum control_command command,
                void (*item)(void *ctx, const json_t *value), void *ctx)
{
    struct client *client = client_open(home);
    struct rp_writer w;
    int status;

    if (client == NULL)
        return EXIT_NOT_RUNNING;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    status = client_call(client, command, &w, item, ctx, NULL);
    rp_writer_free(&w);
    client_close(client);
    return status;
}

int client_ask(const char *home, enum control_command command, struct rp_writer *args,
               json_t **done)
{
    struct client *client = client_open(home);
    int status;

    if (done != NULL)
        *done = NULL;
    if (client == NULL)
        return EXIT_NOT_RUNNING;
    status = client_call(client, command, args, NULL, NULL, done);
    client_close(client);
    return status;
}
