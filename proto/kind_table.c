#include <stddef.h>

#include "rp/kind.h"

/* The fields of every kind, in the order in which a person would fill them in (SPEC 5.2). */

/* clang-format off */
#define FIELD_END {.name = NULL}
#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FIELDS(...) ((const struct rp_field[]){__VA_ARGS__, FIELD_END})

/* Name, what the type needs, then what else holds: OPTIONAL where nothing does. */
#define TEXT(n, m, ...) {.name = n, .type = RP_FIELD_TEXT, .max = m, __VA_ARGS__}
#define MD(n, m, ...) {.name = n, .type = RP_FIELD_MD, .max = m, __VA_ARGS__}
#define ENUM(n, v, ...) {.name = n, .type = RP_FIELD_ENUM, .values = v, __VA_ARGS__}
#define BLOCK(n, f, ...) {.name = n, .type = RP_FIELD_BLOCK, .fields = f, __VA_ARGS__}
#define OF(t, n, ...) {.name = n, .type = RP_FIELD_##t, __VA_ARGS__}
#define TERMS(n) {.name = n, .type = RP_FIELD_TERM, .max = 60, .list_max = 8}
/* clang-format on */

#define OPTIONAL .need = RP_NEED_NONE
#define SAVE .need = RP_NEED_SAVE
#define PUBLISH .need = RP_NEED_PUBLISH
#define LIST(n) .list_max = n
#define LABEL(text) .label = text

#define LEVELS VALUES("individual", "organisation", "system")

static const struct rp_field version_fields[] = {
    OF(ID, "object", SAVE),
    OF(ID, "version", SAVE),
    FIELD_END,
};

const struct rp_field rp_kind_common[] = {
    OF(LANG, "lang", .max = 35, SAVE, LABEL("Language")),
    TEXT("title", 120, SAVE),
    TEXT("summary", 700, PUBLISH, LABEL("In short")),
    MD("body", 131072, LABEL("More")),
    BLOCK("translation_of", version_fields, OPTIONAL),
    ENUM("translated_by", VALUES("human", "machine", "machine-checked"), OPTIONAL),
    TEXT("licence", 100, PUBLISH),
    TEXT("attribution", 300, PUBLISH, LABEL("Credit")),
    BLOCK("contributors",
          FIELDS(TEXT("name", 120, SAVE), TEXT("role", 120, OPTIONAL), TEXT("org", 120, OPTIONAL)),
          LIST(30)),
    ENUM("aspect", VALUES("behaviour", "competency", "condition"), LIST(3)),
    TERMS("focus_areas"),
    TERMS("sectors"),
    ENUM("level", LEVELS, LIST(3)),
    TEXT("tags", 50, LIST(20)),
    TEXT("sensitivity", 40, LIST(8), LABEL("Content note")),
    BLOCK("links",
          FIELDS(ENUM("rel",
                      VALUES("related", "part-of", "leads-to", "alternative-to", "contradicts",
                             "adapts", "see-also", "source"),
                      SAVE),
                 OF(ID, "target", SAVE), TEXT("note", 200, OPTIONAL)),
          LIST(100)),
    FIELD_END,
};

static const struct rp_field pattern_fields[] = {
    TEXT("question", 300, LABEL("The question")),
    TEXT("aliases", 120, LIST(5), LABEL("Also known as")),
    MD("problem", 20000, LABEL("The challenge")),
    MD("context", 20000, LABEL("Where it occurs")),
    MD("forces", 20000, LABEL("What makes it hard")),
    MD("guidance", 20000, LABEL("What helps")),
    TEXT("first_steps", 200, LIST(7), LABEL("First steps")),
    MD("caution", 20000, LABEL("When to take care")),
    MD("results", 20000, LABEL("What is different afterwards")),
    MD("rationale", 20000, LABEL("Why it works")),
    MD("instances", 20000, LABEL("Known instances")),
    BLOCK("evidence",
          FIELDS(TEXT("claim", 300, SAVE),
                 ENUM("type", VALUES("lived", "practice", "evaluation", "research"), SAVE),
                 OF(URL, "url", .max = 2000), OF(ID, "object", OPTIONAL)),
          LIST(20)),
    OF(INT, "confidence", .max = 2),
    OF(DATE, "review_by", PUBLISH),
    FIELD_END,
};

static const struct rp_field consent_fields[] = {
    ENUM("basis",
         VALUES("own-story", "teller-consent", "guardian-consent", "composite", "fictional",
                "published-source"),
         PUBLISH),
    OF(MONTH, "given_on", PUBLISH),
    OF(DATE, "review_on", PUBLISH),
    ENUM("scope",
         VALUES("node", "named-peers", "public-web", "print", "training", "social-media",
                "translation", "adaptation"),
         LIST(8), PUBLISH),
    ENUM("identify", VALUES("anonymous", "pseudonym", "first-name", "named", "organisation"),
         PUBLISH),
    OF(BOOL, "saw_final", PUBLISH),
    ENUM("third_parties", VALUES("none", "removed", "not-identifiable", "consented"), PUBLISH),
    OF(BOOL, "special_data", PUBLISH),
    OF(BOOL, "child", PUBLISH),
    BLOCK("identifiable_check",
          FIELDS(TEXT("by_role", 60, SAVE), OF(MONTH, "on", SAVE),
                 ENUM("result", VALUES("remote", "possible"), SAVE)),
          OPTIONAL),
    TEXT("withdraw_via", 200, PUBLISH),
    FIELD_END,
};

static const struct rp_field story_fields[] = {
    MD("what_happened", 20000, SAVE, LABEL("What happened")),
    MD("what_helped", 4000, LABEL("What helped")),
    MD("what_was_hard", 4000, LABEL("What was hard")),
    MD("what_changed", 4000, LABEL("What changed")),
    BLOCK("patterns",
          FIELDS(OF(ID, "id", SAVE),
                 ENUM("rel", VALUES("illustrates", "challenges", "did-not-work"), SAVE)),
          LIST(10)),
    ENUM("teller_role",
         VALUES("practitioner", "participant", "volunteer", "carer", "relative", "manager",
                "trustee", "funder", "other"),
         SAVE),
    ENUM("told_how",
         VALUES("own-words", "assisted", "interviewed", "on-behalf", "composite", "fictional"),
         SAVE),
    TEXT("byline", 60, OPTIONAL),
    TEXT("period", 12, OPTIONAL),
    TEXT("place", 80, OPTIONAL),
    BLOCK("consent", consent_fields, PUBLISH),
    OF(SIG, "slip", OPTIONAL),
    FIELD_END,
};

static const struct rp_field question_fields[] = {
    MD("tried", 2000, LABEL("What I have tried")),
    ENUM("when", VALUES("no-rush", "this-month", "this-week"), OPTIONAL),
    ENUM("state", VALUES("open", "answered", "became-pattern", "closed"), SAVE),
    OF(ID, "became", OPTIONAL),
    OF(DATE, "closes_on", OPTIONAL),
    ENUM("third_parties", VALUES("none", "removed", "not-identifiable", "consented"), OPTIONAL),
    OF(BOOL, "special_data", OPTIONAL),
    FIELD_END,
};

static const struct rp_field response_fields[] = {
    BLOCK("target", version_fields, SAVE),
    ENUM("type",
         VALUES("insight", "answer", "feedback", "helped", "did-not-help", "ask-back", "thanks",
                "concern"),
         SAVE),
    BLOCK("my_context",
          FIELDS(TERMS("focus_areas"), TERMS("sectors"), ENUM("level", LEVELS, OPTIONAL),
                 TEXT("region", 80, OPTIONAL)),
          OPTIONAL),
    OF(MONTH, "tried_on", OPTIONAL),
    TEXT("adapted", 500, LABEL("What I did differently")),
    FIELD_END,
};

static const struct rp_field resource_fields[] = {
    ENUM("type",
         VALUES("tool", "guide", "template", "report", "video", "audio", "book", "course",
                "dataset", "website"),
         SAVE),
    OF(URL, "url", .max = 2000, SAVE),
    MD("description", 2000, PUBLISH),
    TEXT("source_org", 120, LABEL("Published by")),
    OF(MONTH, "published", OPTIONAL),
    OF(INT, "minutes", .max = 100000),
    ENUM("cost", VALUES("free", "registration", "paid"), OPTIONAL),
    TEXT("formats", 40, LIST(5)),
    TEXT("access", 300, LABEL("Access")),
    OF(ID, "patterns", LIST(20)),
    OF(DATE, "checked_on", OPTIONAL),
    OF(BOOL, "checked_ok", OPTIONAL),
    FIELD_END,
};

static const struct rp_field collection_fields[] = {
    ENUM("type", VALUES("introduction", "deep-dive", "learning-journey", "reading-list", "deck"),
         SAVE),
    OF(TERM, "focus_area", .max = 60),
    TEXT("for_whom", 300, LABEL("For whom")),
    TEXT("outcomes", 200, LIST(8)),
    BLOCK("items",
          FIELDS(OF(ID, "target", SAVE), TEXT("note", 400, OPTIONAL),
                 OF(INT, "minutes", .max = 10000), TEXT("section", 80, OPTIONAL),
                 OF(BOOL, "optional", OPTIONAL)),
          LIST(200), SAVE),
    OF(ID, "needs_first", LIST(10)),
    ENUM("mode", VALUES("self-paced", "facilitated", "cohort"), OPTIONAL),
    ENUM("blend",
         VALUES("self-discovery", "peer-learning", "bespoke-support", "relationship-building"),
         LIST(4)),
    TEXT("facilitators", 120, LIST(10)),
    BLOCK("runs",
          FIELDS(TEXT("cohort", 80, OPTIONAL), OF(DATE, "starts", OPTIONAL),
                 OF(DATE, "ends", OPTIONAL), OF(ID, "events", LIST(50)),
                 OF(INT, "places", .max = 100000)),
          LIST(20)),
    FIELD_END,
};

static const struct rp_field event_fields[] = {
    OF(MOMENT, "starts", SAVE),
    OF(MOMENT, "ends", SAVE),
    TEXT("tz", 40, SAVE, LABEL("Time zone")),
    ENUM("mode", VALUES("in-person", "online", "hybrid"), SAVE),
    BLOCK("place",
          FIELDS(TEXT("name", 120, OPTIONAL), TEXT("locality", 80, OPTIONAL),
                 TEXT("country", 2, OPTIONAL), TEXT("access", 500, OPTIONAL)),
          OPTIONAL),
    OF(ID, "organiser", OPTIONAL),
    OF(ID, "collection", OPTIONAL),
    TEXT("cohort", 80, OPTIONAL),
    OF(INT, "capacity", .max = 1000000),
    TEXT("cost", 80, OPTIONAL),
    OF(URL, "booking", .max = 2000),
    OF(LANG, "languages", .max = 35, LIST(10)),
    TEXT("access_offer", 500, LABEL("Access support")),
    TEXT("repeat", 200, OPTIONAL),
    ENUM("state", VALUES("scheduled", "postponed", "cancelled"), SAVE),
    FIELD_END,
};

static const struct rp_field profile_fields[] = {
    ENUM("subject", VALUES("organisation", "group", "individual"), SAVE),
    OF(TERM, "org_type", .max = 60),
    MD("about", 1200, OPTIONAL),
    BLOCK("place",
          FIELDS(TEXT("locality", 80, OPTIONAL), TEXT("region", 80, OPTIONAL),
                 TEXT("country", 2, OPTIONAL), OF(INT, "lat", .min = -900, .max = 900),
                 OF(INT, "lon", .min = -1800, .max = 1800)),
          OPTIONAL),
    MD("offers", 500, OPTIONAL),
    MD("seeks", 500, OPTIONAL),
    OF(URL, "website", .max = 2000),
    TEXT("contact", 120, OPTIONAL),
    TEXT("org_ids", 60, LIST(5)),
    OF(LANG, "languages", .max = 35, LIST(10)),
    ENUM("on_map", VALUES("no", "peers", "public"), SAVE),
    OF(MONTH, "joined", OPTIONAL),
    BLOCK("consent", consent_fields, OPTIONAL),
    FIELD_END,
};

static const struct rp_field vocabulary_fields[] = {
    BLOCK("terms",
          FIELDS(OF(TERM, "id", .max = 60, SAVE),
                 BLOCK("labels", FIELDS(OF(LANG, "lang", .max = 35, SAVE), TEXT("text", 120, SAVE)),
                       LIST(20), SAVE),
                 OF(TERM, "broader", .max = 60)),
          LIST(500), SAVE),
    FIELD_END,
};

static const struct rp_field identity_fields[] = {
    OF(BYTES, "inception", .max = 600),
    OF(INT, "number", .max = 32, .min = 1),
    OF(ID, "key", OPTIONAL),
    OF(ID, "next", OPTIONAL),
    ENUM("old", VALUES("all", "listed"), OPTIONAL),
    OF(ID, "stands_by", LIST(20)),
    FIELD_END,
};

static const struct rp_field vouch_fields[] = {
    OF(ID, "subject", SAVE),
    OF(BYTES, "inception", .max = 600, SAVE),
    TEXT("statement", 500, OPTIONAL),
    FIELD_END,
};

static const struct rp_field withdrawal_fields[] = {
    OF(SIG, "slip", OPTIONAL),
    OF(ID, "versions", LIST(100)),
    OF(ID, "replaced_by", OPTIONAL),
    TEXT("kind", 24, OPTIONAL),
    FIELD_END,
};

static const struct rp_field revocation_fields[] = {
    OF(ID, "nodes", LIST(RP_REVOKED_MAX), SAVE),
    FIELD_END,
};

static const struct rp_field held_fields[] = {
    TEXT("by", 120, SAVE),
    OF(BYTES, "content", .max = RP_BODY_MAX, SAVE),
    OF(BOOL, "imported", SAVE),
    TEXT("kind", RP_KIND_LEN_MAX, SAVE),
    OF(BYTES, "scope", .max = RP_ID_LEN, SAVE),
    OF(BYTES, "seed", .max = RP_SEED_LEN, SAVE),
    OF(BYTES, "teller", .max = RP_KEY_LEN),
    FIELD_END,
};

#define OPEN_LICENCE "CC-BY-4.0"

#define AUTHORED(n, l, p, f, ...)                                                                  \
    {                                                                                              \
        .name = n, .label = l, .plural = p, .set = RP_SET_CONTENT, .authored = true, .fields = f,  \
        __VA_ARGS__                                                                                \
    }
#define CONTROL(n, l, f)                                                                           \
    {                                                                                              \
        .name = n, .label = l, .set = RP_SET_CONTROL, .fields = f                                  \
    }

const struct rp_kind rp_kind_table[] = {
    AUTHORED("pattern", "Pattern", "Patterns", pattern_fields, .licence = OPEN_LICENCE,
             .one_of = VALUES("question", "problem", "summary")),
    AUTHORED("story", "Story", "Stories", story_fields, .licence = "LicenseRef-Story-Consent",
             .local_by_default = true),
    AUTHORED("question", "Question", "Questions", question_fields, .licence = OPEN_LICENCE,
             .waives = VALUES("summary")),
    AUTHORED("response", "Response", "Responses", response_fields, .licence = OPEN_LICENCE,
             .waives = VALUES("title", "summary")),
    AUTHORED("resource", "Resource", "Resources", resource_fields, .licence = OPEN_LICENCE,
             .waives = VALUES("summary")),
    AUTHORED("collection", "Collection", "Collections", collection_fields, .licence = OPEN_LICENCE),
    AUTHORED("event", "Event", "Events", event_fields, .licence = OPEN_LICENCE,
             .waives = VALUES("summary")),
    AUTHORED("profile", "Profile", "Profiles", profile_fields, .licence = OPEN_LICENCE,
             .waives = VALUES("summary")),
    AUTHORED("vocabulary", "Vocabulary", "Vocabularies", vocabulary_fields, .licence = OPEN_LICENCE,
             .waives = VALUES("summary")),
    CONTROL("identity", "Identity", identity_fields),
    CONTROL("vouch", "Vouch", vouch_fields),
    CONTROL("withdrawal", "Withdrawal", withdrawal_fields),
    CONTROL("revocation", "Revocation", revocation_fields),
    CONTROL("held", "Held for review", held_fields),
    {.name = NULL},
};
