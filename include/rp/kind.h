#ifndef RP_KIND_H
#define RP_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/record.h"

/*
 * The kinds of records and their fields (SPEC 5), as one table. Checks, Markdown in and out, search
 * fields and pages are read from it; adding a kind is adding a row. Rules hold where people write.
 * A record that came from elsewhere and breaks one is still stored, relayed and shown.
 */

enum rp_field_type {
    RP_FIELD_TEXT,   /* one line; max characters */
    RP_FIELD_MD,     /* CommonMark; max characters */
    RP_FIELD_DATE,   /* YYYY-MM-DD */
    RP_FIELD_MONTH,  /* YYYY-MM */
    RP_FIELD_MOMENT, /* local date and time, YYYY-MM-DDTHH:MM */
    RP_FIELD_LANG,   /* BCP 47 tag */
    RP_FIELD_TERM,   /* a word of a vocabulary: lower case, digits, dashes */
    RP_FIELD_URL,    /* http or https */
    RP_FIELD_ENUM,   /* one of values */
    RP_FIELD_INT,    /* from min to max */
    RP_FIELD_BOOL,
    RP_FIELD_ID,    /* an object or record id: 32 bytes */
    RP_FIELD_SIG,   /* 64 bytes */
    RP_FIELD_BYTES, /* max bytes */
    RP_FIELD_BLOCK, /* a map with fields of its own */
};

enum rp_need {
    RP_NEED_NONE,
    RP_NEED_SAVE,    /* without it nothing is kept */
    RP_NEED_PUBLISH, /* without it nothing leaves this node */
};

struct rp_field {
    const char *name; /* NULL ends a list of fields */
    enum rp_field_type type;
    int32_t max;
    int32_t min;
    uint16_t list_max; /* 0: a single value; else a list of at most so many */
    enum rp_need need;
    const char *label;             /* heading or name on a page; NULL: the name itself */
    const char *const *values;     /* ENUM: NULL-terminated */
    const struct rp_field *fields; /* BLOCK */
};

struct rp_kind {
    const char *name;
    const char *label;  /* for people, singular */
    const char *plural; /* the same, of authored kinds */
    enum rp_set set;
    bool authored; /* people write it; else the software makes it */
    bool local_by_default;
    const char *licence;           /* default of what an organisation writes itself */
    const char *const *one_of;     /* NULL-terminated: one of these fields is needed to save */
    const char *const *waives;     /* NULL-terminated: common fields it can do without */
    const struct rp_field *fields; /* beyond rp_kind_common, for authored kinds */
};

/* Fields that any authored kind may have. */
extern const struct rp_field rp_kind_common[];

/* All kinds; the one with a NULL name ends the list. */
extern const struct rp_kind rp_kind_table[];

/* The row called ${name}, or NULL. */
const struct rp_kind *rp_kind_find(struct rp_slice name);

/* The field called ${name} of ${kind} or of the common ones, or NULL. */
const struct rp_field *rp_kind_field(const struct rp_kind *kind, struct rp_slice name);

/* What is wrong, and where: "consent.basis". Both are lines of UTF-8, cut where they are too long.
 */
struct rp_problem {
    char field[64];
    char reason[160];
};

/*
 * Checks ${content}, a canonical map, against ${kind}: with ${publish}, as something that leaves
 * the node. RP_ERR_RULE with the first ${problem}.
 */
int rp_kind_check(const struct rp_kind *kind, struct rp_slice content, bool publish,
                  struct rp_problem *problem) __attribute__((warn_unused_result));

/* The same for one value of one field; ${value} is one canonical item. */
int rp_kind_check_field(const struct rp_field *field, struct rp_slice value, bool publish,
                        struct rp_problem *problem) __attribute__((warn_unused_result));

#endif
