#ifndef ALLOC_H
#define ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Allocations that fail on demand. The linker leads malloc, calloc, realloc and strdup here (see
 * CMakeLists.txt), so that what is shipped is tested as it is. One thread.
 *
 * Only what runs between alloc_on and alloc_off is counted and fails: the code under test, not what
 * stands around it. They nest.
 */
void alloc_on(void);
void alloc_off(void);

/* In between nothing is counted and nothing fails, whatever is on. They nest, too. */
void alloc_hold(void);
void alloc_release(void);

enum alloc_mode {
    ALLOC_ONE, /* the nth fails */
    ALLOC_ALL, /* the nth and all after it */
};

/* Begins to count anew, off and not held; the ${n}th fails, none with 0. */
void alloc_fail(uint64_t n, enum alloc_mode mode);

/* Counted and failed since then. */
uint64_t alloc_counted(void);
uint64_t alloc_failed(void);

/*
 * Runs ${attempt} with the nth allocation failing, for all n and in both modes, until none was left
 * to fail. ${attempt} does everything from preparing to checking; it asks alloc_failed whether it
 * must succeed. Prints how many n there were.
 */
void alloc_sweep(const char *what, void (*attempt)(void));

/* The same for paths where all would take too long: every ${one}th n, and where all from the nth on
 * fail, every ${all}th. */
void alloc_sweep_some(const char *what, void (*attempt)(void), unsigned one, unsigned all);

#define FRAIL(statement)                                                                           \
    do {                                                                                           \
        alloc_on();                                                                                \
        statement;                                                                                 \
        alloc_off();                                                                               \
    } while (0)

#endif
