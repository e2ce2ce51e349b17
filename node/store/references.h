#ifndef REFERENCES_H
#define REFERENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/record.h"

/*
 * The objects that a record's content refers to, wherever the table of kinds says that a field
 * holds an object's id: links, patterns of a story, items of a collection. At most ${max} of them
 * are written to ${out}, RP_ID_LEN bytes each, each once; returns how many. None for unknown kinds.
 */
#define REFERENCES_MAX 256
uint32_t references_of(const struct rp_record *record, uint8_t (*out)[RP_ID_LEN], uint32_t max);

/* Whether the record's content says that it holds words of ${object}: that it adapts it, or is a
 * translation of it. */
bool references_quote(const struct rp_record *record, const uint8_t object[static RP_ID_LEN]);

#endif
