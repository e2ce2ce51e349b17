#ifndef LOG_H
#define LOG_H

/*
 * What a maintainer reads in the journal: one line each on standard error, time first. Never the
 * text of a record. Any thread.
 */
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO };

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
