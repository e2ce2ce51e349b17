#include "clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t clock_steady(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_calendar(void)
{
    return read_clock(CLOCK_REALTIME);
}
