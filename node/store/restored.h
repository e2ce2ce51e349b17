#ifndef RESTORED_H
#define RESTORED_H

#include <stdint.h>

#include "batch.h"

/*
 * That the store has been restored from a backup, as it stands in the store itself (SPEC 7.2, 7.5):
 * what was withdrawn since the backup may be in it again.
 */
enum restored_why {
    RESTORED_NOT,
    RESTORED_DECLARED, /* by the operator */
    RESTORED_COPIED,   /* its file is a copy */
    RESTORED_FOUND,    /* somebody had records of ours that it lacked */
    RESTORED_WHYS,
};

struct restored {
    enum restored_why why;
    uint64_t since; /* ms: when that was noticed */
};

void restored_read(struct kv_txn *txn, struct restored *out);
void restored_write(struct kv_txn *txn, const struct restored *restored);

#endif
