#ifndef INIT_H
#define INIT_H

#include "home.h"

/*
 * Makes what a home has besides its keys: the folder, the settings, and an empty store. In this
 * order, so that whatever fails can be mended and this be called again. The largest size of the
 * store goes to ${map_bytes}.
 */
int home_prepare_all(const char *home, const char *name, uint64_t *map_bytes, struct why *why)
    __attribute__((warn_unused_result));

#endif
