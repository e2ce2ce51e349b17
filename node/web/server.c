#include "server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/address.h"
#include "pages.h"

#define CONNECTIONS_MAX 256
#define PER_ADDRESS_MAX 32 /* unless we listen on loopback, where a proxy brings everybody */
#define MEMORY_MAX 32768   /* of one connection, its headers included */
#define IDLE_SECONDS 10    /* without a byte either way */
#define REQUEST_MS 15000   /* from the connection, or the last answer, to a whole request */
#define ANSWER_MS 120000   /* to take the whole answer in */
#define HEARTBEAT_MS 1000  /* the library stalls waiting clients unless it is run so often */
#define HOST_MAX 300
#define TURN_NS 2000000 /* in one turn of the loop no page is begun after that */

struct visit {
    struct visit *next;
    struct visit **back;
    struct web *web;
    int fd;
    uint64_t deadline;                /* on the loop's clock */
    struct MHD_Connection *suspended; /* until it is its turn; NULL: it is not */
    struct visit *next_waiting;
};

struct web {
    struct web_opts opts;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;     /* when the library asks to be run */
    uv_timer_t heartbeat; /* and every second in any case */
    struct visit *visits;
    struct visit *waiting; /* suspended, the longest first */
    struct visit **last_waiting;
    uint64_t turn_ends;
    bool stopping;
};

static bool is_name(const char *names, const char *host, size_t len)
{
    while (*names != '\0') {
        size_t n = strcspn(names, " \t");

        if (n == len && strncasecmp(names, host, n) == 0)
            return true;
        names += n;
        names += strspn(names, " \t");
    }
    return false;
}

/* Whether the request is for us: by IP number, as localhost, or by a name of
 * ours. */
static bool is_for_us(const struct web *web, const char *host)
{
    struct address address;
    char with_port[HOST_MAX];
    unsigned char ip[16];

    if (host == NULL || strlen(host) > HOST_MAX - 8)
        return false;
    snprintf(with_port, sizeof with_port, "%s%s", host,
             strchr(host, ':') == NULL || host[strlen(host) - 1] == ']' ? ":80" : "");
    if (!address_parse(&address, with_port))
        return false;
    return inet_pton(AF_INET, address.host, ip) == 1 ||
           inet_pton(AF_INET6, address.host, ip) == 1 ||
           strcasecmp(address.host, "localhost") == 0 ||
           is_name(web->opts.names, address.host, strlen(address.host));
}

static enum MHD_Result send_page(struct MHD_Connection *connection, struct page *page)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; "
                                    "form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    struct MHD_Response *response;
    enum MHD_Result result = MHD_YES;

    response =
        MHD_create_response_from_buffer(page->body.len, page->body.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        page_free(page);
        return MHD_NO;
    }
    page->body = (struct rp_writer){0}; /* the response has it now */
    for (size_t i = 0; i < sizeof headers / sizeof headers[0] && result == MHD_YES; i++)
        result = MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (result == MHD_YES)
        result = MHD_add_response_header(response, "Content-Type", page->type);
    if (result == MHD_YES) /* what was withdrawn does not live on in a cache */
        result = MHD_add_response_header(response, "Cache-Control",
                                         page->keep ? "max-age=3600" : "no-store");
    if (result == MHD_YES && page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response(connection, page->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct visit *visit_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static void set_deadline(struct MHD_Connection *connection, unsigned ms)
{
    struct visit *visit = visit_of(connection);

    if (visit != NULL)
        visit->deadline = uv_now(visit->web->opts.loop) + ms;
}

static bool is_read(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static void make_page(struct page *page, struct web *web, struct MHD_Connection *connection,
                      const char *url)
{
    const char *after = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "after");
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    struct view_source source;

    if (!is_for_us(web, host)) {
        page_say(page, MHD_HTTP_MISDIRECTED_REQUEST, "Not for this node",
                 "This node does not answer to the name in this address. Its "
                 "maintainers add names "
                 "to web_names in rpnode.conf.");
        return;
    }
    web->opts.fill(web->opts.ctx, &source);
    page_answer(page, url, after, &source);
}

/* Has a request wait when this turn's time for pages is over. Without memory
 * nobody waits. */
static bool must_wait(struct web *web, struct MHD_Connection *connection)
{
    struct visit *visit = visit_of(connection);

    if (web->stopping || visit == NULL || uv_hrtime() < web->turn_ends)
        return false;
    visit->suspended = connection;
    visit->next_waiting = NULL;
    *web->last_waiting = visit;
    web->last_waiting = &visit->next_waiting;
    MHD_suspend_connection(connection);
    return true;
}

/* Lets the one that has waited longest go on. */
static void end_wait(struct web *web)
{
    struct visit *visit = web->waiting;

    web->waiting = visit->next_waiting;
    if (web->waiting == NULL)
        web->last_waiting = &web->waiting;
    MHD_resume_connection(visit->suspended);
    visit->suspended = NULL;
}

/* Called when a request's headers are here, for what follows them, and at its
 * end. */
static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **request)
{
    static char begun;
    struct page page = {.status = 0};

    (void)version;
    (void)upload;
    if (*request == NULL && is_read(method)) {
        *request = &begun;
        return MHD_YES;
    }
    if (*upload_len > 0) { /* not wanted */
        *upload_len = 0;
        return MHD_YES;
    }
    set_deadline(connection, ANSWER_MS);
    if (must_wait(ctx, connection))
        return MHD_YES;
    if (is_read(method))
        make_page(&page, ctx, connection, url);
    else
        page_say(&page, MHD_HTTP_METHOD_NOT_ALLOWED, "Not possible",
                 "The library can be read here, and nothing else.");
    return send_page(connection, &page);
}

static void completed(void *ctx, struct MHD_Connection *connection, void **request,
                      enum MHD_RequestTerminationCode why)
{
    (void)ctx;
    (void)request;
    (void)why;
    set_deadline(connection, REQUEST_MS);
}

/* A connection came or went. */
static void visited(void *ctx, struct MHD_Connection *connection, void **socket_context,
                    enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct web *web = ctx;
    struct visit *visit = *socket_context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED && info != NULL &&
        (visit = calloc(1, sizeof *visit)) != NULL) {
        visit->web = web;
        visit->fd = info->connect_fd;
        visit->deadline = uv_now(web->opts.loop) + REQUEST_MS;
        visit->next = web->visits;
        visit->back = &web->visits;
        if (visit->next != NULL)
            visit->next->back = &visit->next;
        web->visits = visit;
        *socket_context = visit;
        if (gate_is_last_descriptor(visit->fd))
            shutdown(visit->fd, SHUT_RDWR);
    } else if (what == MHD_CONNECTION_NOTIFY_CLOSED && visit != NULL) {
        *visit->back = visit->next;
        if (visit->next != NULL)
            visit->next->back = visit->back;
        free(visit);
    }
}

/* Resolves %XX. A zero would end the path before its end, and another be read
 * than was asked for.
 */
static size_t unescape(void *ctx, struct MHD_Connection *connection, char *text)
{
    size_t len = MHD_http_unescape(text);

    (void)ctx;
    (void)connection;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0')
            text[i] = '?';
    }
    return len;
}

static void wake(uv_timer_t *timer);
static void readable(uv_poll_t *poll, int status, int events);

/*
 * Leaves the loop to others for four times as long as was used since ${begun}: pages
 * are cheap to ask for and dear to make, and whoever asks for many is not to
 * keep the links waiting.
 */
static void pause_run(struct web *web, uint64_t begun)
{
    uv_poll_stop(&web->poll);
    uv_timer_start(&web->timer, wake, 4 * (uv_hrtime() - begun) / 1000000 + 1, 0);
}

static void run(struct web *web)
{
    uint64_t begun = uv_hrtime();
    MHD_UNSIGNED_LONG_LONG wait;

    web->turn_ends = begun + TURN_NS;
    do {
        if (web->waiting != NULL)
            end_wait(web);
        MHD_run(web->daemon);
    } while (web->waiting != NULL && uv_hrtime() < web->turn_ends);
    if (web->waiting != NULL)
        pause_run(web, begun);
    else if (MHD_get_timeout(web->daemon, &wait) == MHD_YES && wait < HEARTBEAT_MS)
        uv_timer_start(&web->timer, wake, wait, 0);
}

static void wake(uv_timer_t *timer)
{
    struct web *web = timer->data;

    uv_poll_start(&web->poll, UV_READABLE, readable);
    run(web);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void beat(uv_timer_t *timer)
{
    struct web *web = timer->data;
    uint64_t now = uv_now(web->opts.loop);

    for (struct visit *visit = web->visits; visit != NULL; visit = visit->next) {
        if (now > visit->deadline)
            shutdown(visit->fd, SHUT_RDWR);
    }
    if (web->waiting == NULL) /* else it is run soon */
        run(web);
}

/* Listens at a numeric address of this machine. */
static struct MHD_Daemon *start_daemon(struct web *web, const struct address *address)
{
    const char *host = strcmp(address->host, "localhost") == 0 ? "127.0.0.1" : address->host;
    struct sockaddr_storage storage = {0};
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    bool loopback;

    if (uv_ip4_addr(host, (int)address->port, (struct sockaddr_in *)&storage) == 0) {
        loopback = strncmp(host, "127.", 4) == 0;
    } else if (uv_ip6_addr(host, (int)address->port, (struct sockaddr_in6 *)&storage) == 0) {
        loopback = strcmp(host, "::1") == 0;
        flags |= MHD_USE_IPv6;
    } else {
        return NULL;
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL, answer, web, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&storage,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        loopback ? 0u : (unsigned)PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_NOTIFY_CONNECTION, visited, web,
        MHD_OPTION_NOTIFY_COMPLETED, completed, web, MHD_OPTION_END);
}

struct web *web_new(const struct web_opts *opts, const char *text, char *bound, size_t bound_len,
                    char *why, size_t why_len)
{
    struct web *web = calloc(1, sizeof *web);
    const union MHD_DaemonInfo *info;
    struct address address;
    char full[ADDRESS_TEXT_MAX];

    if (web == NULL || !address_parse(&address, text)) {
        snprintf(why, why_len, "cannot serve pages at %s: it must be HOST:PORT or off", text);
        goto err0;
    }
    web->opts = *opts;
    web->last_waiting = &web->waiting;
    if ((web->daemon = start_daemon(web, &address)) == NULL) {
        snprintf(why, why_len,
                 "cannot serve pages at %s: the host must be an IP number of this "
                 "machine and the "
                 "port free",
                 text);
        goto err0;
    }
    info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT);
    address_format(full, address.host, info != NULL ? info->port : address.port);
    snprintf(bound, bound_len, "%s", full);
    info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(opts->loop, &web->poll, info->epoll_fd) != 0) {
        snprintf(why, why_len, "cannot serve pages at %s: the loop cannot watch it", text);
        goto err1;
    }
    uv_timer_init(opts->loop, &web->timer);
    uv_timer_init(opts->loop, &web->heartbeat);
    web->poll.data = web->timer.data = web->heartbeat.data = web;
    uv_poll_start(&web->poll, UV_READABLE, readable);
    uv_timer_start(&web->heartbeat, beat, HEARTBEAT_MS, HEARTBEAT_MS);
    return web;

err1:
    MHD_stop_daemon(web->daemon);
err0:
    free(web);
    return NULL;
}

void web_stop(struct web *web)
{
    if (web == NULL)
        return;
    uv_timer_stop(&web->timer);
    uv_timer_stop(&web->heartbeat);
    uv_poll_stop(&web->poll);
    web->stopping = true;
    while (web->waiting != NULL) /* nobody may be waiting when the daemon stops */
        end_wait(web);
    MHD_stop_daemon(web->daemon);
    web->daemon = NULL;
}

void web_free(struct web *web)
{
    free(web);
}
