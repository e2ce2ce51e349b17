#include "address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
