#ifndef RP_CONSENT_H
#define RP_CONSENT_H

#include <stdbool.h>

#include "rp/bytes.h"
#include "rp/kind.h"

/*
 * What a story's consent block permits (SPEC 5.3). The same rules for everybody who writes or shows
 * a story. ${today} is a date, YYYY-MM-DD. Content may be anybody's: all that is asked of it is to
 * be one canonical item. What is missing, or not what it should be, permits nothing.
 */

/*
 * Whether a story with this content may leave the node on the day ${today}: for the commons when
 * ${commons}, else for a circle. Checks that the consent block is complete, and each of its fields,
 * but not the rest of the story, which rp_kind_check does. RP_ERR_RULE with the first ${problem}.
 */
int rp_consent_check(struct rp_slice content, bool commons, const char *today,
                     struct rp_problem *problem) __attribute__((warn_unused_result));

/*
 * The same, all that is wrong: how many problems there are, the first ${max} of them in ${out}.
 */
#define RP_CONSENT_PROBLEMS_MAX 24
size_t rp_consent_problems(struct rp_slice content, bool commons, const char *today,
                           struct rp_problem *out, size_t max);

/* Whether its consent includes ${use}, such as "public-web". */
bool rp_consent_covers(struct rp_slice content, const char *use);

/*
 * Whether it is to be hidden on the day ${today}: consent was to be asked again before then, or
 * does not say by when. A story that is ${local}, which never left its node, may still lack that
 * date.
 */
bool rp_consent_has_lapsed(struct rp_slice content, bool local, const char *today);

/* The day on which consent is to be asked again, as the block has it: text that may be no date;
 * empty when there is none. */
struct rp_slice rp_consent_review_on(struct rp_slice content);

#endif
