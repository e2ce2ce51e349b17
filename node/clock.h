#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/*
 * The two clocks, in ms. The steady one never jumps: what is waited for goes by it. The calendar's
 * is ms since 1970 UTC, may be set at any moment, and is for what is stored or shown. Any thread.
 */
uint64_t clock_steady(void);
uint64_t clock_calendar(void);

#endif
