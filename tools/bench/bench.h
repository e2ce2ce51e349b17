#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * rpbench: what the node costs, measured on the code that is shipped. One file per command, and one
 * table in main.c. See README.md beside this file for what was found.
 */

/* The arguments of a command: --name value, or --name alone. */
struct args {
    int n;
    char **text;
    int at;
};

/* The next argument if it is ${name}; ${value} (NULL: it has none) is what follows it. */
bool args_is(struct args *args, const char *name, const char **value);
/* What is left was understood by nobody: says so and ends. */
void args_refuse(const struct args *args) __attribute__((noreturn));
/* A number of at most ${max}, in digits alone or with k or M behind them; else says so and ends. */
uint64_t args_number(const char *name, const char *value, uint64_t max);

/* Ends with a message when ${err} is an error. */
void bench_check(int err, const char *what);
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Seconds: of processor time of this process, or this thread, and of the steady clock. */
double bench_cpu(void);
double bench_cpu_thread(void);
double bench_wall(void);

/* Processors that are on, at most so many. */
#define BENCH_THREADS_MAX 64
unsigned bench_processors(void);
/* ${work} in a thread for each processor, with its own of the elements of ${size} bytes at ${each};
 * when all have ended. */
void bench_on_all(void *(*work)(void *own), void *each, size_t size);

/* A folder of its own under $TMPDIR, or /tmp; removed again with all that is in it. */
void bench_folder_new(char *out, size_t size);
void bench_folder_remove(const char *path);

/* Sorts, and gives the least value that ${part} of them are not above; 0 of none. */
double bench_part(double *values, size_t n, double part);

int bench_reconcile(struct args *args);
int bench_sync(struct args *args);
int bench_live(struct args *args);
int bench_busy(struct args *args);
int bench_scale(struct args *args);

#endif
