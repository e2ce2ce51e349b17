#include "rp/consent.h"

#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"

#define REVIEW_MONTHS_MAX 24

/* Problems as they are found. */
struct findings {
    struct rp_problem *out;
    size_t max;
    size_t n;
};

static void add(struct findings *found, const struct rp_problem *problem)
{
    if (found->n < found->max)
        found->out[found->n++] = *problem;
}

static void complain(struct findings *found, const char *field, const char *reason)
{
    struct rp_problem problem = {0};

    memcpy(problem.field, field, strlen(field));
    memcpy(problem.reason, reason, strlen(reason));
    add(found, &problem);
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

struct rp_slice rp_consent_review_on(struct rp_slice content)
{
    return text_of(consent_of(content), "review_on");
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

/* Puts "consent." in front of the name in ${problem}; one that gets too long, or is empty, becomes
 * that of the ${field}. */
static void put_name(struct rp_problem *problem, const char *field)
{
    static const char block[] = "consent.";
    char inner[sizeof problem->field];
    size_t len = strlen(problem->field);

    if (len == 0 || len + sizeof block > sizeof inner)
        len = strlen(field);
    else
        field = problem->field;
    memcpy(inner, field, len + 1);
    memcpy(problem->field, block, sizeof block - 1);
    memcpy(problem->field + sizeof block - 1, inner, len + 1);
}

/* Names every field of the block that is missing or not as the table says. */
static void check_block(struct rp_slice consent, struct findings *found)
{
    const struct rp_kind *story = rp_kind_find(rp_bytes_str("story"));
    const struct rp_field *block = rp_kind_field(story, rp_bytes_str("consent"));
    struct rp_problem problem;

    for (const struct rp_field *field = block->fields; field->name != NULL; field++) {
        struct rp_reader value;

        if (!rp_reader_find(consent, field->name, &value)) {
            problem = (struct rp_problem){.reason = "needed before it can be published"};
            put_name(&problem, field->name);
            if (field->need != RP_NEED_NONE)
                add(found, &problem);
        } else if (rp_kind_check_field(field, rp_reader_item(&value), true, &problem) != RP_OK) {
            put_name(&problem, field->name);
            add(found, &problem);
        }
    }
    if (found->n == 0 && rp_kind_check_field(block, consent, true, &problem) != RP_OK)
        add(found, &problem); /* fields that there are not */
}

/* Stories about somebody at more risk need a second person's reading, done and reassuring. */
static bool is_checked(struct rp_slice consent)
{
    struct rp_reader value;

    return rp_reader_find(consent, "identifiable_check", &value) &&
           text_is(rp_reader_item(&value), "result", "remote");
}

/* What is wrong with dates that are dates. */
static void check_dates(struct rp_slice consent, const char *today, struct findings *found)
{
    struct rp_slice given_on = text_of(consent, "given_on");
    struct rp_slice review_on = text_of(consent, "review_on");

    if (!rp_text_is_date(review_on))
        return;
    if (has_passed(review_on, today))
        complain(found, "consent.review_on", "has passed: ask again first");
    else if (rp_text_is_month(given_on) &&
             months_of(review_on) - months_of(given_on) > REVIEW_MONTHS_MAX)
        complain(found, "consent.review_on", "more than 24 months after given_on");
}

/* What the fields, taken together, do not allow. */
static void check_sense(struct rp_slice consent, struct findings *found)
{
    bool invented = text_is(consent, "basis", "fictional");
    bool delicate = bool_of(consent, "special_data") || bool_of(consent, "child");
    struct rp_reader value;

    if (rp_reader_find(consent, "saw_final", &value) && !bool_of(consent, "saw_final") && !invented)
        complain(found, "consent.saw_final",
                 "the teller has not seen this text: show it to them first");
    if (bool_of(consent, "child") && rp_reader_find(consent, "basis", &value) && !invented &&
        !text_is(consent, "basis", "guardian-consent"))
        complain(found, "consent.basis", "a child's story needs guardian-consent");
    if (delicate && !is_checked(consent))
        complain(found, "consent.identifiable_check",
                 "a story with special_data or about a child needs a second person's reading, "
                 "with result: remote");
}

size_t rp_consent_problems(struct rp_slice content, bool commons, const char *today,
                           struct rp_problem *out, size_t max)
{
    struct rp_slice consent = consent_of(content);
    struct findings found = {out, max, 0};
    struct rp_reader value;

    if (consent.len == 0) {
        complain(&found, "consent", "needed before it can be published");
        return found.n;
    }
    rp_reader_init(&value, consent);
    if (rp_reader_peek(&value) != RP_TYPE_MAP) {
        complain(&found, "consent", "not a block of fields");
        return found.n;
    }
    check_block(consent, &found);
    check_dates(consent, today, &found);
    check_sense(consent, &found);
    if (commons && rp_reader_find(consent, "scope", &value) &&
        !rp_consent_covers(content, "public-web"))
        complain(&found, "consent.scope",
                 "the commons is public: it needs public-web, or keep the story local");
    if (!commons && rp_reader_find(consent, "scope", &value) &&
        !rp_consent_covers(content, "public-web") && !rp_consent_covers(content, "named-peers"))
        complain(&found, "consent.scope",
                 "a circle is of named organisations: it needs named-peers");
    return found.n;
}

int rp_consent_check(struct rp_slice content, bool commons, const char *today,
                     struct rp_problem *problem)
{
    return rp_consent_problems(content, commons, today, problem, 1) > 0 ? RP_ERR_RULE : RP_OK;
}
