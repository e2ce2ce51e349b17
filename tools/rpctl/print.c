#define _GNU_SOURCE /* timegm, strptime */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpctl.h"

void print_json(const json_t *value, bool lines)
{
    json_dumpf(value, stdout,
               JSON_ENCODE_ANY | JSON_SORT_KEYS | (lines ? JSON_COMPACT : JSON_INDENT(2)));
    putchar('\n');
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
