#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "clock.h"
#include "log.h"
#include "rp/err.h"

#define READ_BYTES 65536
#define WRITE_QUEUE_MAX (256u << 10) /* more is taken from the core only below this */
#define CONNECT_MS 10000
#define CLOSE_MS 3000  /* to say goodbye in */
#define STALL_MS 60000 /* a peer that reads nothing for so long is cut off */
#define BACKLOG 1024   /* with fewer, a storm of callers would keep out who has to come in */
#define TURN_BYTES (512u << 10) /* given to one socket in one turn of the loop, about */
#define HALF_OPEN_BYTES 98304   /* a handshake and HELLO; who sends more must be let in by then */
#define PAUSE_MS 200            /* without descriptors, until the next caller is looked at */
#define LISTEN_AGAIN_MS 1000

struct connection {
    struct net *net;
    struct connection *next;
    struct connection **back;
    uv_tcp_t tcp;
    uv_timer_t timer; /* connecting, saying goodbye, or waiting for a peer that does not read */
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
    struct link *link; /* NULL until connected */
    uint8_t org[RP_ID_LEN];
    char address[RP_ADDRESS_LEN_MAX + 1];
    unsigned port;
    unsigned handles; /* and requests that still refer to this */
    bool resolving;
    bool reading;
    bool ending; /* no more is read; closes when all is written */
    bool closing;
    size_t heard;        /* bytes, while it is half-open */
    uint64_t read_turn;  /* the turn of the loop in which it was last read */
    uint64_t write_turn; /* in which it was last given something, ... */
    size_t written;      /* ... and how much */
};

/* Bytes that the socket did not take at once. */
struct write {
    uv_write_t request;
    struct connection *connection;
    uint8_t bytes[];
};

struct net {
    uv_loop_t *loop;
    struct core *core;
    void (*settle)(void *ctx);
    void *ctx;
    uv_tcp_t listener;
    uv_timer_t pause; /* until the next caller is looked at, or until we listen again */
    uv_check_t turns;
    uint64_t turn; /* how often the loop has looked at its sockets */
    char listen[ADDRESS_TEXT_MAX];
    bool listening;
    bool pausing;
    bool caller_waits; /* for the pause to end */
    bool stopping;
    void (*done)(void *ctx);
    void *done_ctx;
    struct connection *connections;
    struct gate gate; /* of connections */
    unsigned open;    /* connections and other handles that are not closed */
    uint8_t buffer[READ_BYTES];
};

static void pump(struct connection *c);
static void read_on(struct connection *c);

static void next_turn(uv_check_t *check)
{
    struct net *net = check->data;

    net->turn++;
}

struct net *net_new(const struct net_opts *opts)
{
    struct net *net = calloc(1, sizeof *net);

    if (net == NULL)
        return NULL;
    net->loop = opts->loop;
    net->core = opts->core;
    net->settle = opts->settle;
    net->ctx = opts->ctx;
    uv_timer_init(net->loop, &net->pause);
    uv_check_init(net->loop, &net->turns);
    net->pause.data = net->turns.data = net;
    net->open = 2;
    uv_check_start(&net->turns, next_turn);
    return net;
}

static void finish_if_stopped(struct net *net)
{
    if (!net->stopping || net->open > 0)
        return;
    net->done(net->done_ctx);
    free(net);
}

static void handle_of_net_closed(uv_handle_t *handle)
{
    struct net *net = handle->data;

    net->open--;
    finish_if_stopped(net);
}

/* Ending */

/* One of the things that keep the connection's memory in use is gone. */
static void release(struct connection *c)
{
    struct net *net = c->net;

    if (--c->handles > 0)
        return;
    *c->back = c->next;
    if (c->next != NULL)
        c->next->back = c->back;
    free(c);
    net->open--;
    finish_if_stopped(net);
}

static void handle_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* Closes the socket now and tells the core that its link is gone. */
static void cut(struct connection *c)
{
    struct link *link = c->link;

    if (c->closing)
        return;
    c->closing = true;
    c->link = NULL;
    gate_leave(&c->net->gate, c);
    if (link != NULL)
        core_closed(c->net->core, link, clock_steady());
    if (c->resolving)
        uv_cancel((uv_req_t *)&c->resolve);
    uv_close((uv_handle_t *)&c->timer, handle_closed);
    uv_close((uv_handle_t *)&c->tcp, handle_closed);
}

static void cut_and_settle(struct connection *c)
{
    struct net *net = c->net;

    cut(c);
    net->settle(net->ctx);
}

static void too_late(uv_timer_t *timer)
{
    struct connection *c = timer->data;

    if (c->link == NULL && !c->closing)
        core_dial_failed(c->net->core, c->org, "no answer within 10 seconds", clock_steady());
    cut_and_settle(c);
}

void net_close(struct link *link)
{
    struct connection *c = core_link_data(link);

    if (c == NULL || c->closing || c->ending)
        return;
    c->ending = true;
    if (c->reading)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = false;
    uv_timer_start(&c->timer, too_late, CLOSE_MS, 0);
    pump(c);
}

/* Writing */

static void written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct connection *c = write->connection;

    free(write);
    c->written = 0; /* also in the turn in which it was queued, or nothing would wake it again */
    if (c->closing)
        return;
    if (status < 0) {
        cut_and_settle(c);
        return;
    }
    if (!c->ending && uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) == 0)
        uv_timer_stop(&c->timer);
    else if (!c->ending)
        uv_timer_start(&c->timer, too_late, STALL_MS, 0);
    pump(c);
    read_on(c); /* it may have been held for all that it had not taken */
    c->net->settle(c->net->ctx);
}

/* Whether the socket was given enough in this turn: others shall have theirs. */
static bool had_its_turn(struct connection *c)
{
    if (c->write_turn != c->net->turn) {
        c->write_turn = c->net->turn;
        c->written = 0;
    }
    return c->written >= TURN_BYTES;
}

/*
 * Gives the socket ${bytes}, queueing a copy of what it does not take at once. The last of a turn
 * is queued in any case, since it is heard of when that is written.
 */
static int put(struct connection *c, struct rp_slice bytes)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.len);
    struct write *write;
    int n = 0;

    c->written += bytes.len;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) == 0 && !had_its_turn(c))
        n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    if (n < 0 && n != UV_EAGAIN)
        return RP_ERR_IO;
    if (n > 0) {
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    if (bytes.len == 0)
        return RP_OK;
    write = malloc(sizeof *write + bytes.len);
    if (write == NULL)
        return RP_ERR_NOMEM;
    write->connection = c;
    memcpy(write->bytes, bytes.data, bytes.len);
    buf = uv_buf_init((char *)write->bytes, (unsigned)bytes.len);
    if (uv_write(&write->request, (uv_stream_t *)&c->tcp, &buf, 1, written) != 0) {
        free(write);
        return RP_ERR_IO;
    }
    if (!c->ending)
        uv_timer_start(&c->timer, too_late, STALL_MS, 0);
    return RP_OK;
}

/* Moves what the link has to say to the socket, as far as the socket keeps up. */
static void pump(struct connection *c)
{
    struct rp_slice bytes = {NULL, 0};

    while (!c->closing && c->link != NULL && (!had_its_turn(c) || c->ending) &&
           uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) < WRITE_QUEUE_MAX) {
        if (core_transmit(c->net->core, c->link, &bytes, clock_steady()) != RP_OK ||
            (bytes.len > 0 && put(c, bytes) != RP_OK)) {
            cut(c);
            return;
        }
        if (bytes.len == 0)
            break;
    }
    if (c->ending && !c->closing && bytes.len == 0 &&
        uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) == 0)
        cut(c);
}

/* Reading */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init((char *)c->net->buffer, READ_BYTES);
    if (c->read_turn == c->net->turn)
        buf->len = 0; /* which ends its turn: first the others have theirs */
    c->read_turn = c->net->turn;
}

/* Finds out which callers were let in meanwhile: those whose links are open. */
static void look_who_is_in(struct net *net)
{
    for (uint32_t k = net->gate.half_open_n; k-- > 0;) {
        const struct connection *c = net->gate.half_open[k].who;

        if (c->link != NULL && core_link_is_open(c->link))
            gate_leave(&net->gate, c);
    }
}

/* Whether the caller has sent more than it takes to be let in, and was not. */
static bool says_too_much(struct connection *c, size_t bytes)
{
    if (!gate_is_half_open(&c->net->gate, c) || (c->heard += bytes) <= HALF_OPEN_BYTES)
        return false;
    look_who_is_in(c->net);
    return gate_is_half_open(&c->net->gate, c);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct rp_slice bytes = {(const uint8_t *)buf->base, n > 0 ? (size_t)n : 0};

    if (n == 0 || n == UV_ENOBUFS || c->closing)
        return;
    if (n < 0 || says_too_much(c, bytes.len)) {
        cut_and_settle(c);
        return;
    }
    /* an error ends the link, which the core asks for by an effect */
    (void)!core_receive(c->net->core, c->link, bytes, clock_steady());
    if (!core_may_read(c->net->core, c->link)) {
        uv_read_stop(stream);
        c->reading = false;
    }
    c->net->settle(c->net->ctx);
}

static void read_on(struct connection *c)
{
    if (c->reading || c->ending || c->closing || c->link == NULL ||
        !core_may_read(c->net->core, c->link))
        return;
    c->reading = uv_read_start((uv_stream_t *)&c->tcp, give_buffer, received) == 0;
    if (!c->reading)
        cut(c);
}

void net_wake(struct link *link)
{
    struct connection *c = core_link_data(link);

    if (c == NULL || c->closing)
        return;
    pump(c);
    read_on(c);
}

/* Connecting */

static struct connection *connection_new(struct net *net)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->net = net;
    uv_tcp_init(net->loop, &c->tcp);
    uv_timer_init(net->loop, &c->timer);
    c->tcp.data = c->timer.data = c->connect.data = c->resolve.data = c;
    c->handles = 2;
    c->back = &net->connections;
    c->next = net->connections;
    if (c->next != NULL)
        c->next->back = &c->next;
    net->connections = c;
    net->open++;
    return c;
}

/* The connection is there: it now is ${link}'s. */
static void attach(struct connection *c, struct link *link)
{
    uv_timer_stop(&c->timer);
    if (link == NULL) {
        cut(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, 60);
    c->link = link;
    core_link_set_data(link, c);
    read_on(c);
    pump(c);
}

/* Being called */

/* Whether a peer can be called at ${ip}, or has a link from there. A peer's name is not looked up.
 */
static bool is_peers(struct net *net, const struct address_ip *ip)
{
    struct peer_status peer;
    struct address_ip other;

    for (uint32_t i = 0; core_peer_status(net->core, i, &peer); i++) {
        if (peer.linked && address_ip(&other, peer.address) && address_is_same(ip, &other))
            return true;
        for (uint32_t k = 0; k < peer.entry->addresses; k++) {
            if (address_ip(&other, peer.entry->address[k].text) && address_is_same(ip, &other))
                return true;
        }
    }
    return false;
}

/* Has the gate's victim go if there are too many. False when ${c}, the newest, has to instead. */
static bool make_room(struct net *net, const struct connection *c)
{
    struct connection *victim;
    bool short_of_descriptors;
    uv_os_fd_t fd;

    short_of_descriptors =
        uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 && gate_is_last_descriptor(fd);
    if (gate_is_full(&net->gate) || short_of_descriptors)
        look_who_is_in(net); /* or a peer might be the one to go */
    if (!gate_is_full(&net->gate) && !short_of_descriptors)
        return true;
    victim = gate_victim(&net->gate);
    if (victim != NULL)
        cut(victim);
    else
        net->pausing = short_of_descriptors;
    return victim != NULL;
}

/* Judges a caller by its address alone. */
static bool is_welcome(struct net *net, struct connection *c)
{
    struct sockaddr_storage socket;
    int len = sizeof socket;
    char text[ADDRESS_TEXT_MAX];
    struct address_ip ip;

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&socket, &len) != 0)
        return false;
    address_of_socket(text, &socket);
    memcpy(c->address, text, strnlen(text, sizeof c->address - 1));
    (void)address_ip(&ip, text);
    if (net->gate.half_open_n >= HALF_OPEN_KNOWN)
        look_who_is_in(net); /* or peers that are in would keep other peers out */
    return gate_enter(&net->gate, c, &ip, is_peers(net, &ip), clock_steady()) && make_room(net, c);
}

static void pause_is_over(uv_timer_t *timer);

static void take_caller(struct net *net)
{
    struct connection *c = connection_new(net);

    if (c == NULL)
        return;
    if (uv_accept((uv_stream_t *)&net->listener, (uv_stream_t *)&c->tcp) != 0 ||
        !is_welcome(net, c))
        cut(c);
    else
        attach(c, core_accept(net->core, c->address, clock_steady()));
    if (net->pausing)
        uv_timer_start(&net->pause, pause_is_over, PAUSE_MS, 0);
    net->settle(net->ctx);
}

static void pause_is_over(uv_timer_t *timer)
{
    struct net *net = timer->data;

    net->pausing = false;
    if (net->caller_waits) {
        net->caller_waits = false;
        take_caller(net);
    }
}

static void listener_lost(uv_handle_t *handle);

static void somebody_calls(uv_stream_t *listener, int status)
{
    struct net *net = listener->data;

    if (status == UV_EMFILE || status == UV_ENFILE || status == UV_ENOBUFS || status == UV_ENOMEM) {
        /* libuv has lost its spare descriptor and would ask for ever: closing frees one */
        log_line(LOG_WARNING, "cannot be called for a moment: %s", uv_strerror(status));
        uv_close((uv_handle_t *)listener, listener_lost);
    } else if (net->pausing) {
        net->caller_waits = true; /* libuv looks for no other before this one was taken */
    } else if (status == 0) {
        take_caller(net);
    }
}

/* A dial has come to nothing: says why in a sentence. */
static void dial_failed(struct connection *c, int status)
{
    char why[128];

    snprintf(why, sizeof why, "%s", uv_strerror(status));
    core_dial_failed(c->net->core, c->org, why, clock_steady());
    cut_and_settle(c);
}

static void connected(uv_connect_t *request, int status)
{
    struct connection *c = request->data;

    if (c->closing)
        return;
    if (status < 0) {
        dial_failed(c, status);
        return;
    }
    attach(c, core_dialled(c->net->core, c->org, c->address, clock_steady()));
    c->net->settle(c->net->ctx);
}

static void connect_to(struct connection *c, const struct sockaddr *address)
{
    int status = uv_tcp_connect(&c->connect, &c->tcp, address, connected);

    if (status != 0)
        dial_failed(c, status);
}

static void set_port(struct sockaddr *address, unsigned port)
{
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct connection *c = request->data;

    c->resolving = false;
    if (!c->closing && status < 0) {
        dial_failed(c, status);
    } else if (!c->closing) {
        set_port(found->ai_addr, c->port);
        connect_to(c, found->ai_addr);
    }
    uv_freeaddrinfo(found);
    release(c);
}

void net_dial(struct net *net, const uint8_t *org, const char *text)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct connection *c = connection_new(net);
    struct sockaddr_storage numeric;
    struct address address;
    int status;

    if (c == NULL) {
        core_dial_failed(net->core, org, "out of memory", clock_steady());
        return;
    }
    memcpy(c->org, org, RP_ID_LEN);
    snprintf(c->address, sizeof c->address, "%s", text);
    uv_timer_start(&c->timer, too_late, CONNECT_MS, 0);
    if (!address_parse(&address, text) || address.host[0] == '\0') {
        core_dial_failed(net->core, org, "not an address: it must be HOST:PORT", clock_steady());
        cut(c);
        return;
    }
    c->port = address.port;
    if (address_to_socket(&numeric, &address)) {
        connect_to(c, (const struct sockaddr *)&numeric);
        return;
    }
    status = uv_getaddrinfo(net->loop, &c->resolve, resolved, address.host, NULL, &hints);
    if (status != 0) {
        dial_failed(c, status);
        return;
    }
    c->resolving = true;
    c->handles++; /* the request, too, keeps the connection alive */
}

/* Listening */

static int listen_at(struct net *net, const struct address *address)
{
    struct sockaddr_storage socket;
    int status;

    uv_tcp_init(net->loop, &net->listener);
    net->listener.data = net;
    net->listening = true;
    net->open++;
    if (!address_to_socket(&socket, address))
        return UV_EINVAL;
    status = uv_tcp_bind(&net->listener, (const struct sockaddr *)&socket, 0);
    return status != 0 ? status : uv_listen((uv_stream_t *)&net->listener, BACKLOG, somebody_calls);
}

static void listen_again(uv_timer_t *timer)
{
    struct net *net = timer->data;
    struct address address;

    if (!address_parse(&address, net->listen))
        return; /* it could be parsed before */
    if (listen_at(net, &address) != 0)
        uv_close((uv_handle_t *)&net->listener, listener_lost);
    else
        log_line(LOG_INFO, "listening for peers at %s again", net->listen);
}

static void listener_lost(uv_handle_t *handle)
{
    struct net *net = handle->data;

    net->listening = net->pausing = net->caller_waits = false;
    if (!net->stopping)
        uv_timer_start(&net->pause, listen_again, LISTEN_AGAIN_MS, 0);
    handle_of_net_closed(handle);
}

int net_listen(struct net *net, const char *text, char *bound, size_t bound_len, char *why,
               size_t why_len)
{
    struct sockaddr_storage socket;
    int len = sizeof socket;
    struct address address;
    int status;

    if (!address_parse(&address, text)) {
        snprintf(why, why_len, "cannot listen at %s: it must be HOST:PORT", text);
        return RP_ERR_ARGUMENT;
    }
    status = listen_at(net, &address);
    if (status == 0)
        status = uv_tcp_getsockname(&net->listener, (struct sockaddr *)&socket, &len);
    if (status != 0) {
        snprintf(why, why_len, "cannot listen at %s: %s", text,
                 status == UV_EINVAL ? "the host must be an IP number of this machine"
                                     : uv_strerror(status));
        return status == UV_EADDRINUSE ? RP_ERR_BUSY : RP_ERR_IO;
    }
    address_format(net->listen, address.host, address_port(&socket));
    snprintf(bound, bound_len, "%s", net->listen);
    return RP_OK;
}

void net_stop(struct net *net, void (*done)(void *ctx), void *ctx)
{
    struct connection *next;

    net->stopping = true;
    net->done = done;
    net->done_ctx = ctx;
    net->open++; /* until the end of this function */
    uv_close((uv_handle_t *)&net->pause, handle_of_net_closed);
    uv_close((uv_handle_t *)&net->turns, handle_of_net_closed);
    if (net->listening && !uv_is_closing((uv_handle_t *)&net->listener))
        uv_close((uv_handle_t *)&net->listener, handle_of_net_closed);
    for (struct connection *c = net->connections; c != NULL; c = next) {
        next = c->next;
        pump(c); /* a goodbye that is waiting goes out if the socket takes it */
        cut(c);
    }
    net->open--;
    finish_if_stopped(net);
}
