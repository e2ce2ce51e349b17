#ifndef PLANTED_H
#define PLANTED_H

#include <string.h>

/* What plant.c and spread_plant.c, each with bugs of its own, have in common. */

/* The functions that plant.h speaks of: their own names with __real_ before, and who is called
 * instead with __wrap_. CMakeLists.txt lists them, too. */
#define BETWEEN(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

/* The number of the bug of that name among ${n}, of which 0 is none; 0 when there is no such. */
static inline unsigned planted_find(const char *const *names, unsigned n, const char *name)
{
    for (unsigned bug = 1; bug < n; bug++) {
        if (strcmp(names[bug], name) == 0)
            return bug;
    }
    return 0;
}

#endif
