#define _GNU_SOURCE /* timegm, strptime */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rp/text.h"
#include "rpctl.h"

/* Characters that do something to a terminal, or to a line, rather than being seen. */
static bool is_hidden(uint32_t c, bool lines)
{
    if (lines && (c == '\n' || c == '\t'))
        return false;
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/* The character at ${text} in ${n} bytes; of what is no UTF-8, one byte and false. */
static bool read_char(const char *text, size_t len, uint32_t *c, size_t *n)
{
    unsigned char first = (unsigned char)text[0];
    size_t want = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    *n = 1;
    *c = first;
    if (want > len || !rp_text_is_utf8((struct rp_slice){(const uint8_t *)text, want}))
        return false;
    *n = want;
    if (want > 1)
        *c &= 0x7fu >> want;
    for (size_t i = 1; i < want; i++)
        *c = *c << 6 | ((unsigned char)text[i] & 0x3fu);
    return true;
}

char *visible_text(const char *text, size_t len, bool lines)
{
    char *out = malloc(8 * len + 1); /* "<U+2028>" for each byte, at most */
    size_t at = 0;
    uint32_t c;
    size_t n;

    if (out == NULL) {
        fputs("rpctl: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    for (size_t i = 0; i < len; i += n) {
        bool is_text = read_char(text + i, len - i, &c, &n);

        if (is_text && !is_hidden(c, lines)) {
            memcpy(out + at, text + i, n);
            at += n;
        } else {
            at += (size_t)snprintf(out + at, 9, is_text ? "<U+%04X>" : "<%02X>", (unsigned)c);
        }
    }
    out[at] = '\0';
    return out;
}

void print_text(FILE *out, const char *text, size_t len, bool lines)
{
    char *visible = visible_text(text, len, lines);

    fputs(visible, out);
    free(visible);
}

void print_field(const json_t *map, const char *key)
{
    const json_t *value = json_object_get(map, key);

    if (json_is_string(value))
        print_text(stdout, json_string_value(value), json_string_length(value), false);
}

void complain(const char *format, ...)
{
    va_list args;
    va_list again;
    char *text;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = len >= 0 ? malloc((size_t)len + 1) : NULL;
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, format, again);
        print_text(stderr, text, (size_t)len, false);
        fputc('\n', stderr);
    }
    va_end(again);
    free(text);
}

bool write_json(FILE *out, const json_t *value, bool lines)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS |
                                       (lines ? JSON_COMPACT : JSON_INDENT(2)));
    size_t len = text != NULL ? strlen(text) : 0;
    size_t from = 0;
    uint32_t c;
    size_t n;

    for (size_t i = 0; i < len; i += n) { /* the library escapes those below U+0020 itself */
        if (!read_char(text + i, len - i, &c, &n) || c < 0x20 || !is_hidden(c, false))
            continue;
        fwrite(text + from, 1, i - from, out);
        fprintf(out, "\\u%04x", (unsigned)c);
        from = i + n;
    }
    if (text != NULL)
        fwrite(text + from, 1, len - from, out);
    fputc('\n', out);
    free(text);
    return text != NULL;
}

void print_json(const json_t *value, bool lines)
{
    (void)write_json(stdout, value, lines);
}

/* Whether nobody reads the pipe any more that standard output is. */
static bool reader_has_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

bool finish_output(void)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    int error = errno;

    if (!failed || reader_has_gone())
        return true;
    fprintf(stderr, "rpctl: standard output cannot be written, so some of it is missing: %s\n",
            error != 0 ? strerror(error) : "an earlier write failed");
    return false;
}

const char *text_of(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));

    return text != NULL ? text : "";
}

uint64_t number_of(const json_t *map, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(map, key));

    return number > 0 ? (uint64_t)number : 0;
}

void format_ago(char *out, size_t size, const char *iso)
{
    struct tm tm = {0};
    time_t seconds;

    if (iso[0] == '\0' || strptime(iso, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL) {
        snprintf(out, size, "never");
        return;
    }
    seconds = time(NULL) - timegm(&tm);
    if (seconds < 2)
        snprintf(out, size, "just now");
    else if (seconds < 120)
        snprintf(out, size, "%d s ago", (int)seconds);
    else if (seconds < 7200)
        snprintf(out, size, "%d min ago", (int)(seconds / 60));
    else if (seconds < 172800)
        snprintf(out, size, "%d h ago", (int)(seconds / 3600));
    else
        snprintf(out, size, "%d d ago", (int)(seconds / 86400));
}

void format_bytes(char *out, size_t size, uint64_t bytes)
{
    if (bytes < 10240)
        snprintf(out, size, "%" PRIu64 " bytes", bytes);
    else if (bytes < 10 << 20)
        snprintf(out, size, "%.0f KiB", (double)bytes / 1024);
    else if (bytes < UINT64_C(10) << 30)
        snprintf(out, size, "%.0f MiB", (double)bytes / (1 << 20));
    else
        snprintf(out, size, "%.1f GiB", (double)bytes / (1 << 30));
}
