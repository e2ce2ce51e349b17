#include "rp/consent.h"

#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"

#define REVIEW_MONTHS_MAX 24

static int complain(struct rp_problem *problem, const char *field, const char *reason)
{
    *problem = (struct rp_problem){0};
    memcpy(problem->field, field, strlen(field));
    memcpy(problem->reason, reason, strlen(reason));
    return RP_ERR_RULE;
}

/* The consent block of a story's content; an empty slice when there is none. */
static struct rp_slice consent_of(struct rp_slice content)
{
    struct rp_reader value;

    if (!rp_reader_find(content, "consent", &value))
        return (struct rp_slice){NULL, 0};
    return rp_reader_item(&value);
}

static struct rp_slice text_of(struct rp_slice map, const char *field)
{
    struct rp_reader value;

    (void)rp_reader_find(map, field, &value);
    return rp_reader_str(&value);
}

static bool bool_of(struct rp_slice map, const char *field)
{
    struct rp_reader value;

    (void)rp_reader_find(map, field, &value);
    return rp_reader_bool(&value);
}

static bool text_is(struct rp_slice map, const char *field, const char *wanted)
{
    return rp_bytes_compare(text_of(map, field), rp_bytes_str(wanted)) == 0;
}

bool rp_consent_covers(struct rp_slice content, const char *use)
{
    struct rp_reader scope;
    uint32_t n;

    (void)rp_reader_find(consent_of(content), "scope", &scope);
    n = rp_reader_array(&scope);
    for (uint32_t i = 0; i < n && scope.err == RP_OK; i++) {
        if (rp_bytes_compare(rp_reader_str(&scope), rp_bytes_str(use)) == 0)
            return true;
    }
    return false;
}

/* Whether the day ${date} is before ${today}. What is no date has passed: a doubt must not show. */
static bool has_passed(struct rp_slice date, const char *today)
{
    struct rp_slice now = rp_bytes_str(today);

    return !rp_text_is_date(date) || !rp_text_is_date(now) || rp_bytes_compare(date, now) < 0;
}

bool rp_consent_has_lapsed(struct rp_slice content, bool local, const char *today)
{
    struct rp_slice consent = consent_of(content);
    struct rp_reader value;

    if (local && !rp_reader_find(consent, "review_on", &value))
        return false;
    return has_passed(text_of(consent, "review_on"), today);
}

/* Months since year 0 of a date or month, YYYY-MM and more. */
static int months_of(struct rp_slice date)
{
    int value[7];

    for (int i = 0; i < 7; i++)
        value[i] = date.data[i] - '0';
    return 12 * (value[0] * 1000 + value[1] * 100 + value[2] * 10 + value[3]) + value[5] * 10 +
           value[6];
}

/* Whether the block has all that a published one needs, each field as the table says. */
static int check_block(struct rp_slice consent, struct rp_problem *problem)
{
    const struct rp_kind *story = rp_kind_find(rp_bytes_str("story"));

    return rp_kind_check_field(rp_kind_field(story, rp_bytes_str("consent")), consent, true,
                               problem);
}

/* Stories about somebody at more risk need a second person's reading, done and reassuring. */
static bool is_checked(struct rp_slice consent)
{
    struct rp_reader value;

    return rp_reader_find(consent, "identifiable_check", &value) &&
           text_is(rp_reader_item(&value), "result", "remote");
}

int rp_consent_check(struct rp_slice content, bool commons, const char *today,
                     struct rp_problem *problem)
{
    struct rp_slice consent = consent_of(content);
    struct rp_slice review_on = text_of(consent, "review_on");
    bool invented = text_is(consent, "basis", "fictional");
    bool delicate = bool_of(consent, "special_data") || bool_of(consent, "child");

    if (consent.len == 0)
        return complain(problem, "consent", "needed before it can be published");
    if (check_block(consent, problem) != RP_OK)
        return RP_ERR_RULE;
    if (has_passed(review_on, today))
        return complain(problem, "consent.review_on", "has passed: ask again first");
    if (months_of(review_on) - months_of(text_of(consent, "given_on")) > REVIEW_MONTHS_MAX)
        return complain(problem, "consent.review_on", "more than 24 months after given_on");
    if (!bool_of(consent, "saw_final") && !invented)
        return complain(problem, "consent.saw_final",
                        "the teller has not seen this text: show it to them first");
    if (bool_of(consent, "child") && !invented && !text_is(consent, "basis", "guardian-consent"))
        return complain(problem, "consent.basis", "a child's story needs guardian-consent");
    if (delicate && !is_checked(consent))
        return complain(problem, "consent.identifiable_check",
                        "a story with special_data or about a child needs a second person's "
                        "reading, with result: remote");
    if (commons && !rp_consent_covers(content, "public-web"))
        return complain(problem, "consent.scope",
                        "the commons is public: it needs public-web, or keep the story local");
    if (!rp_consent_covers(content, "public-web") && !rp_consent_covers(content, "named-peers"))
        return complain(problem, "consent.scope",
                        "a circle is of named organisations: it needs named-peers");
    return RP_OK;
}
