#include "browser.h"

#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "site.h"
#include "web/server.h"

#define TURNS_IDLE 3 /* of the loop, after which nothing more is expected */
#define TURNS_MAX 10000

/* There is one server for all inputs: starting it takes longer than a hundred requests. */
static struct {
    uv_loop_t loop;
    struct web *web;
    struct sockaddr_storage address;
} server;

static void fill(void *ctx, struct view_source *source)
{
    (void)ctx;
    fuzz_site_source(source, fuzz_site());
}

static void start(void)
{
    struct web_opts opts = {.loop = &server.loop, .names = "library.example", .fill = fill};
    char bound[ADDRESS_TEXT_MAX];
    struct address address;
    char why[200];

    must(uv_loop_init(&server.loop) == 0);
    server.web = web_new(&opts, "127.0.0.1:0", bound, sizeof bound, why, sizeof why);
    must(server.web != NULL);
    must(address_parse(&address, bound) && address_to_socket(&server.address, &address));
}

void fuzz_browser_init(struct fuzz_browser *browser)
{
    const struct linger at_once = {.l_onoff = 1};

    if (server.web == NULL)
        start();
    browser->socket = socket(AF_INET, SOCK_STREAM, 0);
    browser->heard = fuzz_string((struct rp_slice){NULL, 0});
    browser->len = 0;
    must(browser->socket >= 0);
    /* no port stays taken behind a connection that is over */
    must(setsockopt(browser->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    must(connect(browser->socket, (struct sockaddr *)&server.address, sizeof(struct sockaddr_in)) ==
         0);
}

/* Appends what has come. False when there was nothing. */
static bool listen_to(struct fuzz_browser *browser)
{
    char piece[65536];
    ssize_t n = recv(browser->socket, piece, sizeof piece, MSG_DONTWAIT);

    if (n <= 0)
        return false;
    browser->heard = realloc(browser->heard, browser->len + (size_t)n + 1);
    must(browser->heard != NULL);
    memcpy(browser->heard + browser->len, piece, (size_t)n);
    browser->len += (size_t)n;
    browser->heard[browser->len] = '\0';
    return true;
}

void fuzz_browser_say(struct fuzz_browser *browser, struct rp_slice bytes)
{
    /* it may have hung up, and then we do not care */
    (void)!send(browser->socket, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (int idle = 0, turns = 0; idle < TURNS_IDLE; idle++, turns++) {
        must(turns < TURNS_MAX);
        uv_run(&server.loop, UV_RUN_NOWAIT);
        if (listen_to(browser))
            idle = 0;
    }
}

void fuzz_browser_free(struct fuzz_browser *browser, struct rp_slice said)
{
    char *request = fuzz_string(said);
    unsigned status = 0;

    for (size_t i = 0; i < said.len; i++) {
        if (request[i] == '\0')
            request[i] = ' ';
    }
    must(browser->len == 0 || sscanf(browser->heard, "HTTP/1.%*1u %3u ", &status) == 1);
    if (status == 200) {
        must(strcasestr(request, "\nhost:") != NULL);
        must(strstr(request, "GET ") != NULL || strstr(request, "HEAD ") != NULL);
        must(strstr(browser->heard, "\r\nContent-Security-Policy: default-src 'none'") != NULL);
    }
    must(strstr(browser->heard, FUZZ_LOCAL_TITLE) == NULL);
    free(request);
    free(browser->heard);
    close(browser->socket);
    uv_run(&server.loop, UV_RUN_NOWAIT);
}

void fuzz_browser_next(void)
{
    static const char ask[] = "GET /healthz HTTP/1.1\r\nHost: Library.Example\r\n\r\n";
    struct fuzz_browser browser;
    unsigned turns = 0;

    fuzz_browser_init(&browser);
    fuzz_browser_say(&browser, rp_bytes_str(ask));
    while (browser.len == 0) { /* pages take their time: others may have asked for many */
        must(turns++ < TURNS_MAX);
        uv_run(&server.loop, UV_RUN_ONCE);
        listen_to(&browser);
    }
    must(strncmp(browser.heard, "HTTP/1.1 200 ", 13) == 0);
    fuzz_browser_free(&browser, rp_bytes_str(ask));
}
