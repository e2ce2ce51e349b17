#include "html.h"

#include <string.h>

#include "rp/record.h"
#include "rp/text.h"

void html_put(struct rp_writer *w, const char *markup)
{
    rp_writer_raw(w, rp_bytes_str(markup));
}

static const char *escape_of(uint8_t byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(struct rp_writer *w, struct rp_slice text)
{
    size_t from = 0;

    if (text.len == 0)
        return;
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escape_of(text.data[i]);

        if (escape == NULL)
            continue;
        rp_writer_raw(w, (struct rp_slice){text.data + from, i - from});
        html_put(w, escape);
        from = i + 1;
    }
    rp_writer_raw(w, (struct rp_slice){text.data + from, text.len - from});
}

void html_str(struct rp_writer *w, const char *text)
{
    html_text(w, rp_bytes_str(text));
}

bool html_may_link(struct rp_slice url)
{
    static const char *const allowed[] = {"http://", "https://", "mailto:"};
    static const char object[] = "/o/";
    uint8_t id[RP_ID_LEN];

    for (size_t i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] == 0x7f || url.data[i] == '\\')
            return false; /* browsers read around these in ways of their own */
    }
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        size_t n = strlen(allowed[i]);

        if (url.len > n && memcmp(url.data, allowed[i], n) == 0)
            return true;
    }
    return url.len == sizeof object - 1 + 2 * RP_ID_LEN &&
           memcmp(url.data, object, sizeof object - 1) == 0 &&
           rp_text_unhex(id, (const char *)url.data + sizeof object - 1, 2 * RP_ID_LEN);
}
