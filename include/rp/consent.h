#ifndef RP_CONSENT_H
#define RP_CONSENT_H

#include <stdbool.h>

#include "rp/bytes.h"
#include "rp/kind.h"

/*
 * What a story's consent block permits (SPEC 5.3). The same rules for everybody who writes or shows
 * a story. Dates are text, YYYY-MM-DD, and compare as text.
 */

/*
 * Whether a story with this content may leave the node on the day ${today}: for the commons when
 * ${commons}, else for a circle. RP_ERR_RULE with the first ${problem}.
 */
int rp_consent_check(struct rp_slice content, bool commons, const char *today,
                     struct rp_problem *problem) __attribute__((warn_unused_result));

/* Whether its consent includes ${use}, such as "public-web". */
bool rp_consent_covers(struct rp_slice content, const char *use);

/* Whether its consent was to be asked again before the day ${today}: it is hidden until then. */
bool rp_consent_has_lapsed(struct rp_slice content, const char *today);

#endif
