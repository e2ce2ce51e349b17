#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "home.h"

/*
 * A node's settings: rpnode.conf in its home, then the command line. The file says what each means;
 * home_create writes one with every default. Unknown names and bad values are refused with the
 * line.
 */
#define CONFIG_TEXT_MAX 256

struct config {
    char listen[CONFIG_TEXT_MAX];    /* HOST:PORT */
    char web[CONFIG_TEXT_MAX];       /* HOST:PORT, or "off" */
    char web_names[CONFIG_TEXT_MAX]; /* by which browsers reach it, separated by blanks */
    char advertise[CONFIG_TEXT_MAX]; /* HOST:PORT that others can reach; empty: as listened */
    char language[36];               /* of what is published without saying */
    uint32_t trust_depth;
    uint32_t check_seconds;
    uint64_t store_mib;     /* the most the store may take */
    uint64_t quota_mib;     /* that those reached through one peer may store; 0: any */
    uint64_t free_mib;      /* below that much free disk nothing is taken in */
    uint64_t ballast_mib;   /* the most room kept back for withdrawals when the disk is full */
    uint32_t erase_seconds; /* until what was withdrawn is erased from the file; see erasure.h */
    bool vouch;             /* using an invite vouches both ways */
};

extern const struct config config_default;

/* The text of a settings file with every default, explained. */
extern const char config_text[];

/* Reads ${home}/rpnode.conf over ${config}; an absent file leaves it as it is. */
int config_read(struct config *config, const char *home, struct why *why)
    __attribute__((warn_unused_result));

#endif
