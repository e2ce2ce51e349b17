#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "clock.h"
#include "rp/err.h"

#define READ_BYTES 65536
#define WRITE_QUEUE_MAX (256u << 10) /* more is taken from the core only below this */
#define CONNECT_MS 10000
#define CLOSE_MS 3000  /* to say goodbye in */
#define STALL_MS 60000 /* a peer that reads nothing for so long is cut off */
#define BACKLOG 64

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
    bool listening;
    bool stopping;
    void (*done)(void *ctx);
    void *done_ctx;
    struct connection *connections;
    unsigned open; /* connections and listener whose handles are not closed */
    uint8_t buffer[READ_BYTES];
};

static void pump(struct connection *c);

struct net *net_new(const struct net_opts *opts)
{
    struct net *net = calloc(1, sizeof *net);

    if (net == NULL)
        return NULL;
    net->loop = opts->loop;
    net->core = opts->core;
    net->settle = opts->settle;
    net->ctx = opts->ctx;
    return net;
}

static void finish_if_stopped(struct net *net)
{
    if (!net->stopping || net->open > 0)
        return;
    net->done(net->done_ctx);
    free(net);
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
    if (c->closing)
        return;
    if (status < 0) {
        cut_and_settle(c);
        return;
    }
    if (!c->ending)
        uv_timer_stop(&c->timer);
    pump(c);
    c->net->settle(c->net->ctx);
}

/* Gives the socket ${bytes}, queueing a copy of what it does not take at once. */
static int put(struct connection *c, struct rp_slice bytes)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.len);
    struct write *write;
    int n = 0;

    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) == 0)
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

    while (!c->closing && c->link != NULL &&
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
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct rp_slice bytes = {(const uint8_t *)buf->base, n > 0 ? (size_t)n : 0};

    if (n == 0 || c->closing)
        return;
    if (n < 0) {
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

/* Text of the address at the other end. */
static void peer_address(const uv_tcp_t *tcp, char out[static RP_ADDRESS_LEN_MAX + 1])
{
    struct sockaddr_storage storage;
    int len = sizeof storage;
    char host[64] = "";
    char text[ADDRESS_TEXT_MAX];
    unsigned port = 0;

    out[0] = '\0';
    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&storage, &len) != 0)
        return;
    if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&storage;

        uv_ip6_name(in6, host, sizeof host);
        port = ntohs(in6->sin6_port);
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&storage;

        uv_ip4_name(in, host, sizeof host);
        port = ntohs(in->sin_port);
    }
    address_format(text, host, port);
    memcpy(out, text, strlen(text) + 1);
}

static void somebody_calls(uv_stream_t *listener, int status)
{
    struct net *net = listener->data;
    struct connection *c;

    if (status < 0 || (c = connection_new(net)) == NULL)
        return;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        cut(c);
        return;
    }
    peer_address(&c->tcp, c->address);
    attach(c, core_accept(net->core, c->address, clock_steady()));
    net->settle(net->ctx);
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
    if (uv_ip4_addr(address.host, (int)address.port, (struct sockaddr_in *)&numeric) == 0 ||
        uv_ip6_addr(address.host, (int)address.port, (struct sockaddr_in6 *)&numeric) == 0) {
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

static int bind_to(struct net *net, const struct address *address)
{
    struct sockaddr_storage numeric;

    if (uv_ip4_addr(address->host, (int)address->port, (struct sockaddr_in *)&numeric) != 0 &&
        uv_ip6_addr(address->host, (int)address->port, (struct sockaddr_in6 *)&numeric) != 0)
        return UV_EINVAL;
    return uv_tcp_bind(&net->listener, (const struct sockaddr *)&numeric, 0);
}

static unsigned bound_port(const uv_tcp_t *listener)
{
    struct sockaddr_storage storage;
    int len = sizeof storage;

    if (uv_tcp_getsockname(listener, (struct sockaddr *)&storage, &len) != 0)
        return 0;
    return storage.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&storage)->sin6_port)
                                         : ntohs(((const struct sockaddr_in *)&storage)->sin_port);
}

int net_listen(struct net *net, const char *text, char *bound, size_t bound_len, char *why,
               size_t why_len)
{
    struct address address;
    char full[ADDRESS_TEXT_MAX];
    int status;

    if (!address_parse(&address, text)) {
        snprintf(why, why_len, "cannot listen at %s: it must be HOST:PORT", text);
        return RP_ERR_ARGUMENT;
    }
    uv_tcp_init(net->loop, &net->listener);
    net->listener.data = net;
    net->listening = true;
    net->open++;
    status = bind_to(net, &address);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&net->listener, BACKLOG, somebody_calls);
    if (status != 0) {
        snprintf(why, why_len, "cannot listen at %s: %s", text,
                 status == UV_EINVAL ? "the host must be an IP number of this machine"
                                     : uv_strerror(status));
        return status == UV_EADDRINUSE ? RP_ERR_BUSY : RP_ERR_IO;
    }
    address_format(full, address.host, bound_port(&net->listener));
    snprintf(bound, bound_len, "%s", full);
    return RP_OK;
}

static void listener_closed(uv_handle_t *handle)
{
    struct net *net = handle->data;

    net->open--;
    finish_if_stopped(net);
}

void net_stop(struct net *net, void (*done)(void *ctx), void *ctx)
{
    struct connection *next;

    net->stopping = true;
    net->done = done;
    net->done_ctx = ctx;
    net->open++; /* until the end of this function */
    if (net->listening)
        uv_close((uv_handle_t *)&net->listener, listener_closed);
    for (struct connection *c = net->connections; c != NULL; c = next) {
        next = c->next;
        pump(c); /* a goodbye that is waiting goes out if the socket takes it */
        cut(c);
    }
    net->open--;
    finish_if_stopped(net);
}
