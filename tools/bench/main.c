#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "rp/err.h"

static const struct command {
    const char *name;
    const char *usage;
    int (*run)(struct args *args);
} commands[] = {
    {"reconcile",
     "--records N --differ D[,D...] [--shape scattered|newest] [--seed S] [--seeds K]\n"
     "                     [--excluded N] [--json]",
     bench_reconcile},
    {"sync", "--records N [--size BYTES | --text FOLDER] [--json]", bench_sync},
    {"live", "[--nodes N] [--count N] [--json]", bench_live},
    {"busy", "--records N [--size BYTES] [--idle N] [--relay] [--json]", bench_busy},
    {"scale", "--records N [--size BYTES] [--json]", bench_scale},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

void bench_fail(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fputs("rpbench: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

void bench_check(int err, const char *what)
{
    if (err != RP_OK)
        bench_fail("%s: %s", what, rp_err_text(err));
}

bool args_is(struct args *args, const char *name, const char **value)
{
    if (args->at == args->n || strcmp(args->text[args->at], name) != 0)
        return false;
    if (value != NULL) {
        if (args->at + 1 == args->n)
            bench_fail("%s needs a value", name);
        *value = args->text[++args->at];
    }
    args->at++;
    return true;
}

static int usage(void)
{
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stderr, "%s rpbench %s %s\n", i == 0 ? "usage:" : "      ", commands[i].name,
                commands[i].usage);
    return 2;
}

void args_refuse(const struct args *args)
{
    fprintf(stderr, "rpbench: not understood: %s\n", args->text[args->at]);
    exit(usage());
}

uint64_t args_number(const char *name, const char *value, uint64_t max)
{
    char *end;
    unsigned long long number;
    uint64_t unit = 1;

    errno = 0;
    number = strtoull(value, &end, 10);
    if (*end == 'k')
        unit = 1000;
    else if (*end == 'M')
        unit = 1000000;
    end += unit > 1;
    if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number > max / unit) {
        fprintf(stderr, "rpbench: %s is a number of at most %llu, not %s\n", name,
                (unsigned long long)max, value);
        exit(2);
    }
    return number * unit;
}

static double seconds(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

double bench_cpu(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_cpu_thread(void)
{
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}

double bench_wall(void)
{
    return seconds(CLOCK_MONOTONIC);
}

unsigned bench_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > BENCH_THREADS_MAX ? BENCH_THREADS_MAX : (unsigned)n;
}

void bench_on_all(void *(*work)(void *own), void *each, size_t size)
{
    pthread_t threads[BENCH_THREADS_MAX];
    unsigned n = bench_processors();

    for (unsigned i = 0; i < n; i++) {
        if (pthread_create(&threads[i], NULL, work, (char *)each + i * size) != 0)
            bench_fail("no thread can be had");
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

void bench_folder_new(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");

    if ((size_t)snprintf(out, size, "%s/rpbench-XXXXXX", base != NULL ? base : "/tmp") >= size ||
        mkdtemp(out) == NULL)
        bench_fail("no folder can be made at %s: %s", out, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void bench_folder_remove(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_part(double *values, size_t n, double part)
{
    double many = ceil(part * (double)n - 1e-9); /* so many are not above it */

    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare_doubles);
    return values[many > 1 ? (size_t)many - 1 : 0];
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        bench_fail("libsodium does not start");
    for (size_t i = 0; i < COMMANDS && argc > 1; i++) {
        struct args args = {.n = argc - 2, .text = argv + 2};

        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(&args);
    }
    return usage();
}
