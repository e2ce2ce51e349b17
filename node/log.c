#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define LINE_MAX_LEN 1024

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info"};
    char line[LINE_MAX_LEN];
    char stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    va_list args;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "%s %s: %s\n", stamp, names[level], line);
}
