#ifndef REPAIR_H
#define REPAIR_H

#include "core/core.h"
#include "store/batch.h"

/*
 * Removes the record at ${change}->seq if the disk has damaged it, so that a sound copy can be
 * fetched; a withdrawal is restored from the copy of it that lies in "withdrawn" (SPEC 7.2), since
 * nobody else may have it yet. Says in ${change} what was done. Pure; errors stick in the batch.
 */
void repair_record(struct batch *batch, struct change *change);

#endif
