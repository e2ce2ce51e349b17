#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
