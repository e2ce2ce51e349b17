#ifndef PLANT_H
#define PLANT_H

#include <stdbool.h>

/*
 * Bugs that somebody might write one day, to see whether the simulator would notice. The linker
 * puts plant.c between a function and its callers in other files; with nothing planted it only
 * calls on.
 */
bool plant_choose(const char *name); /* false: there is no such bug */
const char *plant_name(unsigned i);  /* NULL after the last */

#endif
