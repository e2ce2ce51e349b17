#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* what precedes IPv4 in IPv6 */

bool address_parse(struct address *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t len;
    char *end;
    unsigned long port;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9')
        return false;
    port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535)
        return false;
    len = (size_t)(colon - text);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return false; /* an IPv6 number needs brackets, or its end would pass for a port */
    }
    if (len >= sizeof out->host)
        return false;
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    out->port = (unsigned)port;
    return true;
}

void address_format(char out[static ADDRESS_TEXT_MAX], const char *host, unsigned port)
{
    bool is_v6 = strchr(host, ':') != NULL;

    snprintf(out, ADDRESS_TEXT_MAX, is_v6 ? "[%s]:%u" : "%s:%u", host, port);
}

bool address_ip(struct address_ip *out, const char *text)
{
    struct address address;

    *out = (struct address_ip){{0}};
    if (!address_parse(&address, text))
        return false;
    if (inet_pton(AF_INET, address.host, out->bytes + sizeof mapped) == 1) {
        memcpy(out->bytes, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, address.host, out->bytes) == 1;
}

bool address_is_same(const struct address_ip *a, const struct address_ip *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_v4(const struct address_ip *ip)
{
    return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

bool address_is_loopback(const struct address_ip *ip)
{
    static const struct address_ip v4 = {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    static const struct address_ip v6 = {{[15] = 1}};

    return address_is_same(ip, &v4) || address_is_same(ip, &v6);
}

struct address_ip address_network(const struct address_ip *ip)
{
    size_t bits = is_v4(ip) ? 8 * sizeof mapped + 24 : 56;
    struct address_ip network = {{0}};

    memcpy(network.bytes, ip->bytes, bits / 8);
    return network;
}

unsigned address_port(const struct sockaddr_storage *socket)
{
    return ntohs(socket->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)socket)->sin6_port
                                               : ((const struct sockaddr_in *)socket)->sin_port);
}

void address_of_socket(char out[static ADDRESS_TEXT_MAX], const struct sockaddr_storage *socket)
{
    const void *number = socket->ss_family == AF_INET6
                             ? (const void *)&((const struct sockaddr_in6 *)socket)->sin6_addr
                             : (const void *)&((const struct sockaddr_in *)socket)->sin_addr;
    char host[INET6_ADDRSTRLEN];

    out[0] = '\0';
    if (inet_ntop(socket->ss_family, number, host, sizeof host) != NULL)
        address_format(out, host, address_port(socket));
}

bool address_to_socket(struct sockaddr_storage *out, const struct address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)address->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)address->port)};

    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, address->host, &in.sin_addr) == 1)
        memcpy(out, &in, sizeof in);
    else if (inet_pton(AF_INET6, address->host, &in6.sin6_addr) == 1)
        memcpy(out, &in6, sizeof in6);
    else
        return false;
    return true;
}

/* The gate */

/* Takes one call from ${rate}, if it has one left. */
static bool take_call(struct rate *rate, unsigned each_second, unsigned burst, uint64_t now_ms)
{
    uint64_t most = UINT64_C(1000) * burst;

    rate->milli += (now_ms - rate->at) * each_second;
    rate->at = now_ms;
    if (rate->milli > most)
        rate->milli = most;
    if (rate->milli < 1000)
        return false;
    rate->milli -= 1000;
    return true;
}

/* The rate of a network or of a known address; a new one has its whole burst left. */
static struct rate *rate_of(struct gate *gate, const struct address_ip *of, uint64_t now_ms)
{
    struct rate *rate = &gate->networks[0];

    for (uint32_t i = 0; i < gate->networks_n; i++) {
        if (address_is_same(&gate->networks[i].of, of))
            return &gate->networks[i];
        if (gate->networks[i].at < rate->at)
            rate = &gate->networks[i];
    }
    if (gate->networks_n < NETWORKS_MAX)
        rate = &gate->networks[gate->networks_n++];
    *rate = (struct rate){*of, now_ms, UINT64_C(1000) * NETWORK_BURST};
    return rate;
}

static uint32_t count_known(const struct gate *gate)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < gate->half_open_n; i++)
        n += gate->half_open[i].known;
    return n;
}

bool gate_enter(struct gate *gate, void *who, const struct address_ip *ip, bool known,
                uint64_t now_ms)
{
    struct half_open caller = {.who = who};

    caller.known = known && count_known(gate) < HALF_OPEN_KNOWN;
    caller.from = caller.known ? *ip : address_network(ip);
    if (!address_is_loopback(ip) &&
        (!take_call(rate_of(gate, &caller.from, now_ms), NETWORK_RATE, NETWORK_BURST, now_ms) ||
         (!caller.known && !take_call(&gate->total, TOTAL_RATE, TOTAL_BURST, now_ms))))
        return false;
    if (gate->half_open_n > HALF_OPEN_MAX)
        return false;
    gate->half_open[gate->half_open_n++] = caller;
    return true;
}

void gate_leave(struct gate *gate, const void *who)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < gate->half_open_n; i++) {
        if (gate->half_open[i].who != who)
            gate->half_open[kept++] = gate->half_open[i];
    }
    gate->half_open_n = kept;
}

bool gate_is_half_open(const struct gate *gate, const void *who)
{
    for (uint32_t i = 0; i < gate->half_open_n; i++) {
        if (gate->half_open[i].who == who)
            return true;
    }
    return false;
}

bool gate_is_full(const struct gate *gate)
{
    return gate->half_open_n > HALF_OPEN_MAX;
}

bool gate_is_last_descriptor(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + DESCRIPTORS_KEPT >= limit.rlim_cur;
}

static uint32_t count_from(const struct gate *gate, const struct address_ip *from)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < gate->half_open_n; i++)
        n += address_is_same(&gate->half_open[i].from, from);
    return n;
}

void *gate_victim(const struct gate *gate)
{
    void *victim = NULL;
    uint32_t most = 0;

    for (uint32_t i = 0; i + 1 < gate->half_open_n; i++) { /* all but the newest */
        const struct half_open *caller = &gate->half_open[i];
        uint32_t n = caller->known ? 0 : count_from(gate, &caller->from);

        if (n > most) {
            victim = caller->who;
            most = n;
        }
    }
    return victim;
}
