#define _GNU_SOURCE /* struct ucred */
#include "server.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/text.h"

#define CLIENTS_MAX 32
#define READ_BYTES 65536
#define REPLIES_HIGH (1u << 20) /* bytes waiting for a client: no more items meanwhile */
#define ERROR_TEXT_MAX 1024

struct client {
    struct client *next;
    struct control *control;
    uv_pipe_t pipe;
    bool closing;
    uid_t user;         /* who runs rpctl */
    struct rp_bytes in; /* a frame and its header so far */
};

struct reply {
    uv_write_t request;
    struct client *client;
    struct rp_bytes bytes;
};

struct control {
    struct control_opts opts;
    uv_pipe_t listener;
    bool listening;
    struct client *clients;
    unsigned clients_n;
    struct request *requests;
    uint64_t next_tag;
    struct rp_writer writer;
    bool stopping;
    void (*done)(void *ctx);
    void *done_ctx;
    char buffer[READ_BYTES];
};

static const struct {
    const char *name;
    bool changes;
} commands[] = {
#define X(name, text, changes) {text, changes},
    CONTROL_COMMANDS(X)
#undef X
};

const struct control_opts *control_options(const struct control *control)
{
    return &control->opts;
}

uint64_t control_new_tag(struct control *control)
{
    return ++control->next_tag;
}

struct control *control_new(const struct control_opts *opts)
{
    struct control *control = calloc(1, sizeof *control);

    if (control == NULL)
        return NULL;
    control->opts = *opts;
    rp_writer_init(&control->writer, RP_FRAME_MAX);
    return control;
}

/* Clients */

static void finish_if_stopped(struct control *control)
{
    if (!control->stopping || control->clients_n > 0 || control->listening)
        return;
    rp_writer_free(&control->writer);
    while (control->requests != NULL) {
        struct request *request = control->requests;

        control->requests = request->next;
        free(request);
    }
    control->done(control->done_ctx);
    free(control);
}

static void client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct control *control = client->control;
    struct client **at = &control->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    control->clients_n--;
    rp_bytes_free(&client->in);
    free(client);
    finish_if_stopped(control);
}

static void close_client(struct client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    for (struct request *request = client->control->requests; request != NULL;
         request = request->next) {
        if (request->client == client)
            request->client = NULL; /* what it began goes on; nobody waits for the answer */
    }
    uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void end_request(struct request *request)
{
    struct request **at = &request->control->requests;

    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    free(request);
}

/* Replies */

bool request_must_wait(const struct request *request)
{
    return request->client != NULL &&
           uv_stream_get_write_queue_size((uv_stream_t *)&request->client->pipe) > REPLIES_HIGH;
}

static void continue_requests(struct control *control, uint64_t now_ms)
{
    struct request *next;

    for (struct request *request = control->requests; request != NULL; request = next) {
        next = request->next;
        if (request->tag == 0)
            handle_continue(request, now_ms);
    }
}

static void replied(uv_write_t *write, int status)
{
    struct reply *reply = (struct reply *)write;
    struct client *client = reply->client;

    rp_bytes_free(&reply->bytes);
    free(reply);
    if (status < 0)
        close_client(client);
    else if (!client->closing)
        client->control->opts.settle(client->control->opts.ctx); /* which ticks */
}

static struct rp_writer *begin_reply(struct request *request, const char *what)
{
    struct rp_writer *w = &request->control->writer;

    rp_writer_reset(w);
    rp_writer_array(w, 3);
    rp_writer_uint(w, request->number);
    rp_writer_str(w, what);
    return w;
}

struct rp_writer *request_item(struct request *request)
{
    return begin_reply(request, "item");
}

struct rp_writer *request_done(struct request *request)
{
    request->command = CONTROL_COMMANDS_N; /* over after the next send */
    return begin_reply(request, "done");
}

static void send_frame(struct client *client, struct rp_slice frame)
{
    struct reply *reply = calloc(1, sizeof *reply);
    uint8_t header[CONTROL_HEADER_LEN];
    uv_buf_t buf;

    for (int i = 0; i < CONTROL_HEADER_LEN; i++)
        header[i] = (uint8_t)(frame.len >> 8 * (CONTROL_HEADER_LEN - 1 - i));
    if (reply == NULL ||
        rp_bytes_join(&reply->bytes, (struct rp_slice){header, sizeof header}, frame) != RP_OK) {
        free(reply);
        close_client(client);
        return;
    }
    reply->client = client;
    buf = uv_buf_init((char *)reply->bytes.data, (unsigned)reply->bytes.len);
    if (uv_write(&reply->request, (uv_stream_t *)&client->pipe, &buf, 1, replied) != 0) {
        rp_bytes_free(&reply->bytes);
        free(reply);
        close_client(client);
    }
}

void request_send(struct request *request)
{
    struct rp_writer *w = &request->control->writer;
    bool over = request->command == CONTROL_COMMANDS_N;

    if (w->err != RP_OK && !over) { /* one item that is too large does not take the rest along */
        rp_writer_reset(w);
        return;
    }
    if (w->err != RP_OK) {
        request_error(request, w->err, NULL, "the answer is too large to be given");
        return;
    }
    if (request->client != NULL && !request->client->closing)
        send_frame(request->client, rp_writer_slice(w));
    if (over)
        end_request(request);
}

void request_error(struct request *request, int err, const char *field, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    struct rp_writer *w;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t n = strlen(text); n > 0 && !rp_text_is_utf8(rp_bytes_str(text)); n--)
        text[n - 1] = '\0'; /* it was cut within a character */
    w = begin_reply(request, "error");
    rp_writer_map(w, 3);
    rp_writer_str(w, "code");
    rp_writer_str(w, rp_err_name(err));
    rp_writer_str(w, "field");
    if (field != NULL)
        rp_writer_str(w, field);
    else
        rp_writer_nil(w);
    rp_writer_str(w, "text");
    rp_writer_str(w, text);
    if (request->client != NULL && !request->client->closing && w->err == RP_OK)
        send_frame(request->client, rp_writer_slice(w));
    end_request(request);
}

/* Requests */

bool request_person(const struct request *request, struct rp_slice args, char *out, size_t size)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char buffer[4096];

    if (!arg_text(args, "as", out, size))
        return false;
    if (out[0] != '\0' || request->client == NULL)
        return true;
    if (getpwuid_r(request->client->user, &entry, buffer, sizeof buffer, &found) == 0 &&
        found != NULL && strlen(found->pw_name) < size)
        snprintf(out, size, "%s", found->pw_name);
    else
        snprintf(out, size, "user %u", (unsigned)request->client->user);
    return true;
}

struct view_source request_source(const struct request *request)
{
    const struct control_opts *opts = control_options(request->control);
    struct view_source source = {0};

    opts->fill(opts->ctx, &source);
    return source;
}

static enum control_command find_command(struct rp_slice name)
{
    for (int i = 0; i < CONTROL_COMMANDS_N; i++) {
        if (rp_bytes_compare(rp_bytes_str(commands[i].name), name) == 0)
            return (enum control_command)i;
    }
    return CONTROL_COMMANDS_N;
}

/* One whole frame. False when it is no request. */
static bool take_frame(struct client *client, struct rp_slice frame)
{
    struct control *control = client->control;
    struct request *request;
    struct rp_slice args;
    struct rp_slice name;
    struct rp_reader r;

    if (rp_canonical_check(frame.data, frame.len) != RP_OK ||
        (request = calloc(1, sizeof *request)) == NULL)
        return false;
    rp_reader_init(&r, frame);
    if (rp_reader_array(&r) != 3)
        rp_reader_fail(&r);
    request->number = rp_reader_uint(&r);
    name = rp_reader_str(&r);
    if (rp_reader_peek(&r) != RP_TYPE_MAP)
        rp_reader_fail(&r);
    args = rp_reader_item(&r);
    if (rp_reader_end(&r) != RP_OK) {
        free(request);
        return false;
    }
    request->control = control;
    request->client = client;
    request->deadline = UINT64_MAX;
    request->command = find_command(name);
    request->next = control->requests;
    control->requests = request;
    if (request->command == CONTROL_COMMANDS_N)
        request_error(request, RP_ERR_ARGUMENT, NULL,
                      "rpnode does not know the command %.*s: is rpctl of another version?",
                      (int)name.len, (const char *)name.data);
    else
        handle_request(request, args);
    return true;
}

static size_t frame_len(const struct client *client)
{
    const uint8_t *h = client->in.data;

    return (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
}

/* Takes all whole frames that have come. False when there is one that cannot be. */
static bool take_frames(struct client *client)
{
    size_t at = 0;
    bool ok = true;

    while (ok && !client->closing && client->in.len - at >= CONTROL_HEADER_LEN) {
        struct rp_bytes rest = {client->in.data + at, client->in.len - at};
        struct client view = {.in = rest};
        size_t len = frame_len(&view);

        if (len == 0 || len > RP_FRAME_MAX)
            return false;
        if (rest.len - CONTROL_HEADER_LEN < len)
            break;
        ok = take_frame(client, (struct rp_slice){rest.data + CONTROL_HEADER_LEN, len});
        at += CONTROL_HEADER_LEN + len;
    }
    client->in.len -= at;
    memmove(client->in.data, client->in.data + at, client->in.len);
    return ok;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = handle->data;

    (void)suggested;
    *buf = uv_buf_init(client->control->buffer, READ_BYTES);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *client = stream->data;
    struct control *control = client->control;
    uint8_t *grown;

    if (n == 0)
        return;
    if (n < 0) {
        close_client(client);
        return;
    }
    grown = realloc(client->in.data, client->in.len + (size_t)n);
    if (grown == NULL) {
        close_client(client);
        return;
    }
    memcpy(grown + client->in.len, buf->base, (size_t)n);
    client->in.data = grown;
    client->in.len += (size_t)n;
    if (!take_frames(client))
        close_client(client);
    control->opts.settle(control->opts.ctx);
}

/* Only the user that runs the node, and root, may ask it anything. */
static bool is_allowed(const uv_pipe_t *pipe, uid_t *user)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;

    return uv_fileno((const uv_handle_t *)pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           ((*user = peer.uid) == 0 || peer.uid == geteuid());
}

static void somebody_connects(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    struct client *client;

    if (status < 0 || (client = calloc(1, sizeof *client)) == NULL)
        return;
    client->control = control;
    uv_pipe_init(control->opts.loop, &client->pipe, 0);
    client->pipe.data = client;
    client->next = control->clients;
    control->clients = client;
    control->clients_n++;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
        control->clients_n > CLIENTS_MAX || !is_allowed(&client->pipe, &client->user) ||
        uv_read_start((uv_stream_t *)&client->pipe, give_buffer, received) != 0)
        close_client(client);
}

int control_listen(struct control *control, const char *path, char *why, size_t why_len)
{
    int status;

    (void)unlink(path); /* the home's lock is ours, so nobody can be listening there */
    uv_pipe_init(control->opts.loop, &control->listener, 0);
    control->listener.data = control;
    control->listening = true;
    status = uv_pipe_bind(&control->listener, path);
    if (status == 0 && chmod(path, 0600) != 0)
        status = UV_EIO;
    if (status == 0)
        status = uv_listen((uv_stream_t *)&control->listener, 16, somebody_connects);
    if (status != 0) {
        snprintf(why, why_len, "cannot listen for rpctl at %s: %s", path, uv_strerror(status));
        return RP_ERR_IO;
    }
    return RP_OK;
}

void control_outcome(struct control *control, const struct outcome *outcome)
{
    for (struct request *request = control->requests; request != NULL; request = request->next) {
        if (request->tag == outcome->tag) {
            handle_outcome(request, outcome);
            return;
        }
    }
}

void control_tick(struct control *control, uint64_t now_ms)
{
    continue_requests(control, now_ms);
}

uint64_t control_deadline(const struct control *control)
{
    uint64_t deadline = UINT64_MAX;

    for (const struct request *request = control->requests; request != NULL;
         request = request->next) {
        if (request->deadline < deadline)
            deadline = request->deadline;
    }
    return deadline;
}

static void listener_closed(uv_handle_t *handle)
{
    struct control *control = handle->data;

    control->listening = false;
    finish_if_stopped(control);
}

void control_stop(struct control *control, void (*done)(void *ctx), void *ctx)
{
    control->stopping = true;
    control->done = done;
    control->done_ctx = ctx;
    for (struct client *client = control->clients; client != NULL; client = client->next)
        close_client(client);
    if (control->listening)
        uv_close((uv_handle_t *)&control->listener, listener_closed);
    else
        finish_if_stopped(control);
}
