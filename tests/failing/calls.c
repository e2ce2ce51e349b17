#include "calls.h"

#include <string.h>

void calls_fail(const char *name, int error, unsigned first, unsigned times)
{
    struct calls next = {.error = (uint32_t)error, .first = first, .times = times};

    if (name != NULL)
        memcpy(next.name, name, strnlen(name, CALLS_NAME_LEN - 1));
    *calls = next;
}
