#include "alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *data, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *data, size_t size);
char *__wrap_strdup(const char *text);

static unsigned depth;
static unsigned held;
static uint64_t counted;
static uint64_t failed;
static uint64_t fail_at;
static enum alloc_mode fail_mode;

void alloc_on(void)
{
    depth++;
}

void alloc_off(void)
{
    depth--;
}

void alloc_hold(void)
{
    held++;
}

void alloc_release(void)
{
    held--;
}

void alloc_fail(uint64_t n, enum alloc_mode mode)
{
    depth = held = 0; /* a test that gave up may have left them on */
    counted = failed = 0;
    fail_at = n;
    fail_mode = mode;
}

uint64_t alloc_counted(void)
{
    return counted;
}

uint64_t alloc_failed(void)
{
    return failed;
}

static bool fails(void)
{
    if (depth == 0 || held > 0)
        return false;
    counted++;
    if (fail_at == 0 || counted < fail_at || (fail_mode == ALLOC_ONE && counted > fail_at))
        return false;
    failed++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *data, size_t size)
{
    return fails() ? NULL : __real_realloc(data, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* One mode's. Which n alone, to look into it, may stand in the environment. */
static void sweep(const char *what, void (*attempt)(void), enum alloc_mode mode, unsigned stride)
{
    static const char *const names[] = {[ALLOC_ONE] = "one", [ALLOC_ALL] = "all from it on"};
    const char *only = getenv("ALLOC_ONLY");
    bool verbose = getenv("ALLOC_VERBOSE") != NULL;
    uint64_t n = only != NULL ? strtoull(only, NULL, 10) : 1 + stride / 2;
    uint64_t runs = 0;

    for (;; n += stride) {
        if (verbose)
            fprintf(stderr, "%s: %s, n = %llu\n", what, names[mode], (unsigned long long)n);
        alloc_fail(n, mode);
        attempt();
        if (alloc_failed() == 0)
            break;
        runs++;
        if (only != NULL)
            break;
    }
    alloc_fail(0, ALLOC_ONE);
    printf("%s: %llu runs, %s failing\n", what, (unsigned long long)runs, names[mode]);
}

void alloc_sweep_some(const char *what, void (*attempt)(void), unsigned one, unsigned all)
{
    sweep(what, attempt, ALLOC_ONE, one);
    sweep(what, attempt, ALLOC_ALL, all);
}

void alloc_sweep(const char *what, void (*attempt)(void))
{
    alloc_sweep_some(what, attempt, 1, 1);
}
