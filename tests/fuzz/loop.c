#include "loop.h"

#include "control/server.h"
#include "rp/canonical.h"

#define CLOSING_MAX 8
#define TURNS_MAX 1000

/* libuv has no argument through which a client of ours could come back: hence a variable. */
static struct {
    struct fuzz_peer *peer;
    struct control *control;
    uv_stream_t *listener;
    uv_stream_t *client; /* NULL: not there, or closed */
    uv_connection_cb connected;
    uv_alloc_cb give_buffer;
    uv_read_cb received;
    struct {
        uv_handle_t *handle;
        uv_close_cb done;
    } closing[CLOSING_MAX];
    unsigned closing_n;
    uv_write_t *writes; /* not reported yet, by their data */
    bool is_stopped;
} loop;

/* What the server calls of libuv */

int uv_pipe_init(uv_loop_t *uv, uv_pipe_t *pipe, int ipc)
{
    (void)uv, (void)pipe, (void)ipc;
    return 0;
}

int uv_pipe_bind(uv_pipe_t *pipe, const char *name)
{
    (void)pipe, (void)name;
    return 0;
}

int uv_listen(uv_stream_t *stream, int backlog, uv_connection_cb connected)
{
    (void)backlog;
    loop.listener = stream;
    loop.connected = connected;
    return 0;
}

int uv_accept(uv_stream_t *server, uv_stream_t *client)
{
    (void)server;
    loop.client = client;
    return 0;
}

/* What the socket layer is asked: who is there. Declared by what renames the real ones. */
int fuzz_unlink(const char *path);
int fuzz_chmod(const char *path, mode_t mode);
int fuzz_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

int fuzz_unlink(const char *path)
{
    (void)path;
    return 0;
}

int fuzz_chmod(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    return 0;
}

int fuzz_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    (void)fd, (void)level, (void)name;
    memset(value, 0, *len); /* root, who may ask anything */
    return 0;
}

int uv_fileno(const uv_handle_t *handle, uv_os_fd_t *fd)
{
    (void)handle;
    *fd = 0;
    return 0;
}

int uv_read_start(uv_stream_t *stream, uv_alloc_cb give_buffer, uv_read_cb received)
{
    (void)stream;
    loop.give_buffer = give_buffer;
    loop.received = received;
    return 0;
}

uv_buf_t uv_buf_init(char *base, unsigned len)
{
    return (uv_buf_t){.base = base, .len = len};
}

size_t uv_stream_get_write_queue_size(const uv_stream_t *stream)
{
    (void)stream;
    return 0;
}

const char *uv_strerror(int err)
{
    (void)err;
    return "an error";
}

void uv_close(uv_handle_t *handle, uv_close_cb done)
{
    must(loop.closing_n < CLOSING_MAX);
    loop.closing[loop.closing_n].handle = handle;
    loop.closing[loop.closing_n++].done = done;
    if (handle == (uv_handle_t *)loop.client)
        loop.client = NULL;
}

/* A reply: [number, "item" or "done" or "error", value], with its length before it. */
static void check_reply(const uint8_t *data, size_t len)
{
    struct rp_reader r;
    struct rp_slice what;

    must(len > 4 && ((size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 |
                     data[3]) == len - 4);
    must(rp_canonical_check(data + 4, len - 4) == RP_OK);
    rp_reader_init(&r, (struct rp_slice){data + 4, len - 4});
    must(rp_reader_array(&r) == 3);
    (void)rp_reader_uint(&r);
    what = rp_reader_str(&r);
    must(fuzz_same(what, rp_bytes_str("item")) || fuzz_same(what, rp_bytes_str("done")) ||
         fuzz_same(what, rp_bytes_str("error")));
    (void)rp_reader_item(&r);
    must(rp_reader_end(&r) == RP_OK);
}

int uv_write(uv_write_t *write, uv_stream_t *stream, const uv_buf_t bufs[], unsigned n,
             uv_write_cb done)
{
    must(n == 1 && stream == loop.client);
    check_reply((const uint8_t *)bufs[0].base, bufs[0].len);
    write->cb = done;
    write->data = loop.writes;
    loop.writes = write;
    return 0;
}

/* The loop */

static void turn(void)
{
    uv_write_t *writes = loop.writes;
    unsigned closing = loop.closing_n;

    loop.writes = NULL;
    while (writes != NULL) {
        uv_write_t *next = writes->data;

        writes->cb(writes, loop.client != NULL ? 0 : UV_ECANCELED);
        writes = next;
    }
    for (unsigned i = 0; i < closing; i++)
        loop.closing[i].done(loop.closing[i].handle);
    loop.closing_n -= closing;
    memmove(loop.closing, loop.closing + closing, loop.closing_n * sizeof loop.closing[0]);
    if (!loop.is_stopped && control_deadline(loop.control) <= loop.peer->now)
        control_tick(loop.control, loop.peer->now);
}

static void run(void)
{
    unsigned turns = 0;

    do {
        fuzz_peer_settle(loop.peer);
        turn();
        must(turns++ < TURNS_MAX);
    } while (loop.writes != NULL || loop.closing_n > 0 ||
             (!loop.is_stopped && control_deadline(loop.control) == 0));
}

/* What the server asks of the node */

/* Both this and a timer let requests go on that take several turns, as in node.c. */
static void settle(void *ctx)
{
    struct fuzz_peer *peer = ctx;

    fuzz_peer_settle(peer);
    if (!loop.is_stopped)
        control_tick(loop.control, peer->now);
}

static void fill(void *ctx, struct view_source *source)
{
    const struct fuzz_peer *peer = ctx;

    *source = (struct view_source){
        .kv = peer->kv,
        .core = peer->core,
        .self = &fuzz_parties()->self,
        .software = "fuzz",
        .listen = "127.0.0.1:1",
        .web = "off",
        .now_ms = peer->now,
        .steady_ms = peer->now,
    };
}

static void submit(void *ctx, struct submission *submission)
{
    struct intake *intake = intake_record(submission);
    struct outcome outcome = {.tag = submission->tag};
    struct fuzz_peer *peer = ctx;

    intake_verify(intake, NULL);
    intake_write(peer->kv, &intake, 1, ROOM_FOR_ALL, peer->now);
    intake_report(peer->core, intake, peer->now);
    outcome.err = intake->err;
    outcome.known = intake->id_known;
    if (outcome.known) {
        memcpy(outcome.id, intake->opened.record.id, RP_ID_LEN);
        memcpy(outcome.object, intake->opened.record.object, RP_ID_LEN);
    }
    outcome.place = intake->admission.place;
    control_outcome(loop.control, &outcome);
    intake_free(intake);
}

static void not_random(uint8_t *out, size_t len)
{
    memset(out, 7, len);
}

void fuzz_control_begin(struct fuzz_peer *peer)
{
    struct control_opts opts = {
        .core = peer->core,
        .kv = peer->kv,
        .self = &fuzz_parties()->self,
        .language = "en",
        .vouch = true,
        .settle = settle,
        .fill = fill,
        .submit = submit,
        .random = not_random,
        .ctx = peer,
    };
    char why[100];

    memset(&loop, 0, sizeof loop);
    loop.peer = peer;
    loop.control = control_new(&opts);
    must(loop.control != NULL);
    must(control_listen(loop.control, "socket", why, sizeof why) == RP_OK);
}

void fuzz_control_say(struct rp_slice bytes)
{
    if (loop.client == NULL)
        loop.connected(loop.listener, 0);
    while (bytes.len > 0 && loop.client != NULL) {
        uv_buf_t buf;
        size_t n;

        loop.give_buffer((uv_handle_t *)loop.client, bytes.len, &buf);
        n = bytes.len < buf.len ? bytes.len : buf.len;
        memcpy(buf.base, bytes.data, n);
        loop.received(loop.client, (ssize_t)n, &buf);
        bytes = (struct rp_slice){bytes.data + n, bytes.len - n};
        run();
    }
}

void fuzz_control_ask(unsigned command, struct rp_slice args)
{
    static const char *const names[] = {
#define X(name, text, changes) text,
        CONTROL_COMMANDS(X)
#undef X
    };
    struct rp_writer w;
    uint8_t header[CONTROL_HEADER_LEN];

    if (!fuzz_is_map(args))
        return;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_array(&w, 3);
    rp_writer_uint(&w, command);
    rp_writer_str(&w, names[command % CONTROL_COMMANDS_N]);
    rp_writer_raw(&w, args);
    for (int i = 0; i < CONTROL_HEADER_LEN; i++)
        header[i] = (uint8_t)(w.len >> 8 * (CONTROL_HEADER_LEN - 1 - i));
    fuzz_control_say((struct rp_slice){header, sizeof header});
    fuzz_control_say(rp_writer_slice(&w));
    rp_writer_free(&w);
}

void fuzz_control_wait(uint64_t ms)
{
    loop.peer->now += ms;
    if (core_deadline(loop.peer->core) <= loop.peer->now)
        core_tick(loop.peer->core, loop.peer->now);
    run();
}

static void stopped(void *ctx)
{
    (void)ctx;
    loop.is_stopped = true;
}

void fuzz_control_end(void)
{
    if (loop.client != NULL)
        loop.received(loop.client, UV_EOF, NULL);
    run();
    control_stop(loop.control, stopped, NULL);
    while (!loop.is_stopped)
        turn();
}
