#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses as people write them: HOST:PORT, with [::1]:PORT for IPv6 numbers. */
#define ADDRESS_HOST_MAX 254
#define ADDRESS_TEXT_MAX 264

struct address {
    char host[ADDRESS_HOST_MAX]; /* without brackets */
    unsigned port;
};

/* False when ${text} is not one. An empty host is taken as such. */
bool address_parse(struct address *out, const char *text);

/* Writes it back, with brackets where needed. */
void address_format(char out[static ADDRESS_TEXT_MAX], const char *host, unsigned port);

/* An IP number; one of IPv4 as IPv6 maps it. */
struct address_ip {
    uint8_t bytes[16];
};

/* The number in ${text}, HOST:PORT. False, and zeroes, when the host is none: a name, or empty. */
bool address_ip(struct address_ip *out, const char *text);

bool address_is_same(const struct address_ip *a, const struct address_ip *b);

/* Whether it is 127.0.0.1 or ::1; not so the rest of 127.0.0.0/8. */
bool address_is_loopback(const struct address_ip *ip);

/* The number and port at the other end of a socket. */
struct sockaddr_storage;
void address_of_socket(char out[static ADDRESS_TEXT_MAX], const struct sockaddr_storage *socket);
unsigned address_port(const struct sockaddr_storage *socket);

/* False when the host is no number. */
bool address_to_socket(struct sockaddr_storage *out, const struct address *address);

/* The network that one caller can be taken to have to itself: the /24, or /56 with IPv6. */
struct address_ip address_network(const struct address_ip *ip);

/*
 * The gate: who may come in before trust is known. A caller is half-open until its link is open:
 * until it has shown that it is a peer, or has brought an invite. Known is who calls from an
 * address that belongs to a peer.
 *
 * The two rates do not apply to 127.0.0.1 and ::1: a tunnel or a proxy brings everybody from there,
 * and whoever runs programs on this machine has no need to call. They apply to the rest of
 * 127.0.0.0/8.
 */
#define HALF_OPEN_MAX 32   /* then the oldest goes, of the network that has most of them */
#define HALF_OPEN_KNOWN 16 /* of known addresses; these never have to go */
#define NETWORK_RATE 5     /* new calls a second from a /24 or /56; from one address if known */
#define NETWORK_BURST 10
#define TOTAL_RATE 50 /* new calls a second from all that are not known */
#define TOTAL_BURST 100
#define DESCRIPTORS_KEPT 16 /* callers do not get the last: rpctl and our own calls need some */
#define NETWORKS_MAX 256    /* remembered; the one that has not called for longest is forgotten */

/* How often somebody may call: what is left fills up again with time. */
struct rate {
    struct address_ip of;
    uint64_t at;    /* when it was last looked at */
    uint64_t milli; /* calls left, in thousandths */
};

struct half_open {
    void *who;
    struct address_ip from; /* network, or address if known */
    bool known;
};

/* All zero at first. */
struct gate {
    struct rate total;
    struct rate networks[NETWORKS_MAX];
    uint32_t networks_n;
    struct half_open half_open[HALF_OPEN_MAX + 1]; /* oldest first; one more until room is made */
    uint32_t half_open_n;
};

/* ${who} calls from ${ip}, which may be ${known}. False when it is one call too many. */
bool gate_enter(struct gate *gate, void *who, const struct address_ip *ip, bool known,
                uint64_t now_ms);

/* It is gone, or its link is open. */
void gate_leave(struct gate *gate, const void *who);

bool gate_is_half_open(const struct gate *gate, const void *who);
bool gate_is_full(const struct gate *gate);

/* Whether a caller got one of the last descriptors: the lowest that is free is always given out. */
bool gate_is_last_descriptor(int fd);

/* Who has to go for the newest to stay; NULL: nobody can be asked to. */
void *gate_victim(const struct gate *gate);

#endif
