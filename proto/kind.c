#include "rp/kind.h"

#include <string.h>

#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"

const struct rp_kind *rp_kind_find(struct rp_slice name)
{
    for (const struct rp_kind *kind = rp_kind_table; kind->name != NULL; kind++) {
        if (rp_bytes_compare(rp_bytes_str(kind->name), name) == 0)
            return kind;
    }
    return NULL;
}

static const struct rp_field *find_field(const struct rp_field *fields, struct rp_slice name)
{
    for (; fields->name != NULL; fields++) {
        if (rp_bytes_compare(rp_bytes_str(fields->name), name) == 0)
            return fields;
    }
    return NULL;
}

const struct rp_field *rp_kind_field(const struct rp_kind *kind, struct rp_slice name)
{
    const struct rp_field *field = find_field(kind->fields, name);

    return field == NULL && kind->authored ? find_field(rp_kind_common, name) : field;
}

/* Appends ${text} to a NUL-terminated ${buf} of ${size}: as many whole characters as fit. */
static void append(char *buf, size_t size, struct rp_slice text)
{
    size_t used = strlen(buf);
    size_t n = text.len < size - 1 - used ? text.len : size - 1 - used;

    while (n > 0 && n < text.len && (text.data[n] & 0xc0) == 0x80)
        n--;
    if (n > 0)
        memcpy(buf + used, text.data, n);
    buf[used + n] = '\0';
}

static void append_number(char *buf, size_t size, uint32_t number)
{
    char digits[12];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    append(buf, size, (struct rp_slice){(const uint8_t *)digits + at, sizeof digits - at});
}

static int complain(struct rp_problem *problem, const char *reason)
{
    problem->reason[0] = '\0';
    append(problem->reason, sizeof problem->reason, rp_bytes_str(reason));
    return RP_ERR_RULE;
}

/* "longer than 120 characters" */
static int complain_of_size(struct rp_problem *problem, const char *before, uint32_t max,
                            const char *after)
{
    (void)complain(problem, before);
    append_number(problem->reason, sizeof problem->reason, max);
    append(problem->reason, sizeof problem->reason, rp_bytes_str(after));
    return RP_ERR_RULE;
}

/* "not one of a, b, c" */
static int complain_of_value(struct rp_problem *problem, const char *const *values)
{
    (void)complain(problem, "not one of ");
    for (; *values != NULL; values++) {
        append(problem->reason, sizeof problem->reason, rp_bytes_str(*values));
        if (values[1] != NULL)
            append(problem->reason, sizeof problem->reason, rp_bytes_str(", "));
    }
    return RP_ERR_RULE;
}

/* The number that the two digits at ${at} are, or -1. */
static int two_digits(const uint8_t *at)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return -1;
    return 10 * (at[0] - '0') + (at[1] - '0');
}

/* YYYY-MM-DDTHH:MM */
static bool is_moment(struct rp_slice text)
{
    struct rp_slice date = {text.data, 10};
    int hour;
    int minute;

    if (text.len != 16 || !rp_text_is_date(date) || text.data[10] != 'T' || text.data[13] != ':')
        return false;
    hour = two_digits(text.data + 11);
    minute = two_digits(text.data + 14);
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60;
}

/* Letters and digits in groups of 1 to 8 with dashes between, the first group letters: BCP 47. */
static bool is_lang(struct rp_slice text)
{
    size_t group = 0;
    bool first = true;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (c == '-' && group > 0) {
            group = 0;
            first = false;
            continue;
        }
        if (++group > 8 || !(letter || (!first && c >= '0' && c <= '9')))
            return false;
    }
    return group > 0 && (!first || group >= 2);
}

static bool is_term(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c == '-' && i > 0))
            return false;
    }
    return text.len > 0;
}

static bool starts_with(struct rp_slice text, const char *prefix)
{
    size_t n = strlen(prefix);

    return text.len > n && memcmp(text.data, prefix, n) == 0;
}

static bool is_url(struct rp_slice text)
{
    if (!starts_with(text, "http://") && !starts_with(text, "https://"))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= 0x20 || strchr("\"<>\\^`{|}", text.data[i]) != NULL)
            return false;
    }
    return rp_text_is_line(text);
}

static int check_text(const struct rp_field *field, struct rp_reader *r, struct rp_problem *problem)
{
    struct rp_slice text = rp_reader_str(r);
    uint32_t max = (uint32_t)field->max;

    if (r->err != RP_OK)
        return complain(problem, "not text");
    if (text.len == 0)
        return complain(problem, "empty");
    if (max > 0 && rp_text_chars(text) > max)
        return complain_of_size(problem, "longer than ", max, " characters");
    if (field->type != RP_FIELD_MD && !rp_text_is_line(text))
        return complain(problem, "more than one line, or control characters in it");
    switch (field->type) {
    case RP_FIELD_DATE:
        return rp_text_is_date(text) ? RP_OK : complain(problem, "not a date, YYYY-MM-DD");
    case RP_FIELD_MONTH:
        return rp_text_is_month(text) ? RP_OK : complain(problem, "not a month, YYYY-MM");
    case RP_FIELD_MOMENT:
        return is_moment(text) ? RP_OK : complain(problem, "not a date and time, YYYY-MM-DDTHH:MM");
    case RP_FIELD_LANG:
        return is_lang(text) ? RP_OK : complain(problem, "not a language tag, such as en-GB");
    case RP_FIELD_TERM:
        return is_term(text) ? RP_OK
                             : complain(problem, "not a term: lower-case letters and dashes");
    case RP_FIELD_URL:
        return is_url(text) ? RP_OK : complain(problem, "not an address with http:// or https://");
    default:
        return RP_OK;
    }
}

static int check_enum(const struct rp_field *field, struct rp_reader *r, struct rp_problem *problem)
{
    struct rp_slice text = rp_reader_str(r);

    for (const char *const *value = field->values; *value != NULL && r->err == RP_OK; value++) {
        if (rp_bytes_compare(rp_bytes_str(*value), text) == 0)
            return RP_OK;
    }
    return complain_of_value(problem, field->values);
}

static int check_int(const struct rp_field *field, struct rp_reader *r, struct rp_problem *problem)
{
    int64_t value = rp_reader_int(r);

    if (r->err != RP_OK)
        return complain(problem, "not a whole number");
    if (value < field->min)
        return complain(problem, "too small a number");
    return value <= field->max ? RP_OK : complain(problem, "too large a number");
}

static int check_bytes(struct rp_reader *r, size_t min, size_t max, struct rp_problem *problem)
{
    struct rp_slice bin = rp_reader_bin(r);

    if (r->err != RP_OK || bin.len < min || bin.len > max)
        return complain(problem, "not bytes of the right length");
    return RP_OK;
}

static int check_map(const struct rp_field *const *fields, struct rp_slice map, bool publish,
                     struct rp_problem *problem);

static int check_single(const struct rp_field *field, struct rp_slice value, bool publish,
                        struct rp_problem *problem)
{
    const struct rp_field *const lists[] = {field->fields, NULL};
    struct rp_reader r;

    rp_reader_init(&r, value);
    switch (field->type) {
    case RP_FIELD_ENUM:
        return check_enum(field, &r, problem);
    case RP_FIELD_INT:
        return check_int(field, &r, problem);
    case RP_FIELD_BOOL:
        return rp_reader_peek(&r) == RP_TYPE_BOOL ? RP_OK : complain(problem, "not true or false");
    case RP_FIELD_ID:
        return check_bytes(&r, RP_ID_LEN, RP_ID_LEN, problem);
    case RP_FIELD_SIG:
        return check_bytes(&r, RP_SIG_LEN, RP_SIG_LEN, problem);
    case RP_FIELD_BYTES:
        return check_bytes(&r, 1, (size_t)field->max, problem);
    case RP_FIELD_BLOCK:
        return check_map(lists, value, publish, problem);
    default:
        return check_text(field, &r, problem);
    }
}

static int check_value(const struct rp_field *field, struct rp_slice value, bool publish,
                       struct rp_problem *problem)
{
    struct rp_reader r;
    uint32_t n;
    int err;

    if (field->list_max == 0)
        return check_single(field, value, publish, problem);
    rp_reader_init(&r, value);
    if (rp_reader_peek(&r) != RP_TYPE_ARRAY)
        return complain(problem, "not a list");
    n = rp_reader_array(&r);
    if (n > field->list_max)
        return complain_of_size(problem, "more than ", field->list_max, " entries");
    if (n == 0 && field->need != RP_NEED_NONE)
        return complain(problem, "an empty list");
    for (uint32_t i = 0; i < n; i++) {
        if ((err = check_single(field, rp_reader_item(&r), publish, problem)) != RP_OK)
            return err;
    }
    return RP_OK;
}

/*
 * Puts ${name} in front of the field that a problem names. What cannot be shown as a name, and is
 * none of ours then, becomes a question mark.
 */
static void prefix_field(struct rp_problem *problem, struct rp_slice name)
{
    char inner[sizeof problem->field];

    if (name.len == 0 || !rp_text_is_line(name))
        name = rp_bytes_str("?");
    memcpy(inner, problem->field, sizeof inner);
    problem->field[0] = '\0';
    append(problem->field, sizeof problem->field, name);
    if (inner[0] != '\0') {
        append(problem->field, sizeof problem->field, rp_bytes_str("."));
        append(problem->field, sizeof problem->field, rp_bytes_str(inner));
    }
}

static bool is_named_in(const char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static int check_needed(const struct rp_field *fields, const char *const *waives,
                        struct rp_slice map, bool publish, struct rp_problem *problem)
{
    struct rp_reader value;

    for (; fields->name != NULL; fields++) {
        bool needed = fields->need == RP_NEED_SAVE || (publish && fields->need == RP_NEED_PUBLISH);

        if (!needed || is_named_in(waives, fields->name) ||
            rp_reader_find(map, fields->name, &value))
            continue;
        prefix_field(problem, rp_bytes_str(fields->name));
        return complain(problem, publish && fields->need == RP_NEED_PUBLISH
                                     ? "needed before it can be published"
                                     : "needed");
    }
    return RP_OK;
}

/* Checks every entry of ${map} against the field of its name in ${lists} of fields; NULL ends them.
 */
static int check_entries(const struct rp_field *const *lists, struct rp_slice map, bool publish,
                         struct rp_problem *problem)
{
    struct rp_reader r;
    uint32_t entries;

    rp_reader_init(&r, map);
    if (rp_reader_peek(&r) != RP_TYPE_MAP)
        return complain(problem, "not a block of fields");
    entries = rp_reader_map(&r);
    for (uint32_t i = 0; i < entries; i++) {
        struct rp_slice name = rp_reader_str(&r);
        struct rp_slice value = rp_reader_item(&r);
        const struct rp_field *field = NULL;
        int err;

        for (const struct rp_field *const *list = lists; *list != NULL && field == NULL; list++)
            field = find_field(*list, name);
        err = field != NULL ? check_value(field, value, publish, problem)
                            : complain(problem, "there is no such field here");
        if (err != RP_OK) {
            prefix_field(problem, name);
            return err;
        }
    }
    return RP_OK;
}

static int check_map(const struct rp_field *const *lists, struct rp_slice map, bool publish,
                     struct rp_problem *problem)
{
    int err = check_entries(lists, map, publish, problem);

    for (; err == RP_OK && *lists != NULL; lists++)
        err = check_needed(*lists, NULL, map, publish, problem);
    return err;
}

/* "one of question, problem, summary is needed" */
static int check_one_of(const struct rp_kind *kind, struct rp_slice content,
                        struct rp_problem *problem)
{
    struct rp_reader value;

    for (const char *const *name = kind->one_of; name != NULL && *name != NULL; name++) {
        if (rp_reader_find(content, *name, &value))
            return RP_OK;
    }
    if (kind->one_of == NULL)
        return RP_OK;
    prefix_field(problem, rp_bytes_str(kind->one_of[0]));
    (void)complain(problem, "needed, or one of: ");
    for (const char *const *name = kind->one_of + 1; *name != NULL; name++) {
        append(problem->reason, sizeof problem->reason, rp_bytes_str(*name));
        if (name[1] != NULL)
            append(problem->reason, sizeof problem->reason, rp_bytes_str(", "));
    }
    return RP_ERR_RULE;
}

int rp_kind_check(const struct rp_kind *kind, struct rp_slice content, bool publish,
                  struct rp_problem *problem)
{
    const struct rp_field *const lists[] = {kind->fields, kind->authored ? rp_kind_common : NULL,
                                            NULL};
    int err;

    *problem = (struct rp_problem){0};
    if ((err = check_entries(lists, content, publish, problem)) != RP_OK)
        return err;
    if (kind->authored &&
        (err = check_needed(rp_kind_common, kind->waives, content, publish, problem)) != RP_OK)
        return err;
    if ((err = check_needed(kind->fields, NULL, content, publish, problem)) != RP_OK)
        return err;
    return check_one_of(kind, content, problem);
}

int rp_kind_check_field(const struct rp_field *field, struct rp_slice value, bool publish,
                        struct rp_problem *problem)
{
    int err;

    *problem = (struct rp_problem){0};
    if ((err = check_value(field, value, publish, problem)) != RP_OK)
        prefix_field(problem, rp_bytes_str(field->name));
    return err;
}
