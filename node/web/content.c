#include "content.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "html.h"
#include "rp/err.h"
#include "rp/kind.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rp/text.h"

#define DEPTH_MAX 4    /* lists and blocks in one another */
#define TITLE_LOOKED 4 /* newest versions of another object among which its title is sought */

/* A content on its way to a page. */
struct put {
    struct rp_writer *w;
    const struct view_source *source;
    struct content_budget *budget;
    unsigned depth;
};

struct rp_slice content_text(struct rp_slice item, const char *key)
{
    struct rp_reader value;

    if (rp_reader_find(item, key, &value) && rp_reader_peek(&value) == RP_TYPE_STR)
        return rp_reader_str(&value);
    return (struct rp_slice){NULL, 0};
}

bool content_flag(struct rp_slice item, const char *key)
{
    struct rp_reader value;

    return rp_reader_find(item, key, &value) && rp_reader_peek(&value) == RP_TYPE_BOOL &&
           rp_reader_bool(&value);
}

static struct rp_slice item_of(struct rp_slice map, const char *key)
{
    struct rp_reader value;

    return rp_reader_find(map, key, &value) ? rp_reader_item(&value) : (struct rp_slice){NULL, 0};
}

struct rp_slice content_title(struct rp_slice content, struct rp_slice kind)
{
    struct rp_slice title = content_text(content, "title");
    const struct rp_kind *row = rp_kind_find(kind);

    if (title.len > 0)
        return title;
    return row != NULL ? rp_bytes_str(row->label) : kind;
}

struct rp_slice content_of(struct rp_slice version)
{
    return item_of(version, "content");
}

/* "first_steps" as "First steps", unless the table has words for it. */
static void put_label(struct rp_writer *w, const struct rp_field *field)
{
    char label[64];

    if (field->label != NULL) {
        html_str(w, field->label);
        return;
    }
    snprintf(label, sizeof label, "%s", field->name);
    for (char *at = label; *at != '\0'; at++) {
        if (*at == '_')
            *at = ' ';
    }
    if (label[0] >= 'a' && label[0] <= 'z')
        label[0] = (char)(label[0] - 'a' + 'A');
    html_str(w, label);
}

/* The current title of an object that may be shown; false when there is none. */
static bool find_title(struct rp_writer *version, struct rp_slice *title, struct rp_slice id,
                       const struct view_source *source)
{
    struct view_object view = {.public_only = true, .looked = VIEW_TURN - TITLE_LOOKED};
    int err = RP_OK;

    if (id.len != 2 * RP_ID_LEN || !rp_text_unhex(view.object, (const char *)id.data, id.len))
        return false;
    while (err == RP_OK && view_object_next(&view, version, source, &err)) {
        if (content_flag(rp_writer_slice(version), "current")) {
            *title = content_title(content_of(rp_writer_slice(version)),
                                   content_text(rp_writer_slice(version), "kind"));
            return true;
        }
        rp_writer_reset(version);
    }
    return false;
}

static bool take_reference(struct content_budget *budget)
{
    if (budget->references == 0)
        return false;
    budget->references--;
    return true;
}

static void put_reference(struct put *put, struct rp_slice id)
{
    struct rp_writer version;
    struct rp_slice title;

    rp_writer_init(&version, RP_FRAME_MAX);
    if (take_reference(put->budget) && find_title(&version, &title, id, put->source)) {
        html_put(put->w, "<a href=\"/o/");
        html_text(put->w, id);
        html_put(put->w, "\">");
        html_text(put->w, title);
        html_put(put->w, "</a>");
    } else {
        html_put(put->w, "(something that cannot be shown here)");
    }
    rp_writer_free(&version);
}

/* Fields that stand elsewhere on the page, or are for machines. */
static bool is_apart(const struct rp_field *field)
{
    static const char *const apart[] = {"title",   "summary", "lang", "licence", "attribution",
                                        "consent", "version", "slip", "lat",     "lon"};

    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++) {
        if (strcmp(field->name, apart[i]) == 0)
            return true;
    }
    return false;
}

static void put_value(struct put *put, const struct rp_field *field, struct rp_slice value);

static void put_block(struct put *put, const struct rp_field *fields, struct rp_slice map)
{
    html_put(put->w, "<dl>\n");
    for (const struct rp_field *field = fields; field->name != NULL; field++) {
        struct rp_slice value = item_of(map, field->name);

        if (value.len == 0 || is_apart(field))
            continue;
        html_put(put->w, "<dt>");
        put_label(put->w, field);
        html_put(put->w, "</dt><dd>");
        put_value(put, field, value);
        html_put(put->w, "</dd>\n");
    }
    html_put(put->w, "</dl>\n");
}

static void put_list(struct put *put, const struct rp_field *field, struct rp_reader *list)
{
    html_put(put->w, "<ul>\n");
    for (uint32_t n = rp_reader_array(list); n > 0; n--) {
        html_put(put->w, "<li>");
        put_value(put, field, rp_reader_item(list));
        html_put(put->w, "</li>\n");
    }
    html_put(put->w, "</ul>\n");
}

static void put_string(struct put *put, const struct rp_field *field, struct rp_slice text)
{
    if (field->type == RP_FIELD_MD && text.len > put->budget->markdown) {
        html_plain(put->w, text);
    } else if (field->type == RP_FIELD_MD) {
        put->budget->markdown -= text.len;
        html_markdown(put->w, text);
    } else if (field->type == RP_FIELD_ID) {
        put_reference(put, text);
    } else if (field->type == RP_FIELD_URL && html_may_link(text)) {
        html_put(put->w, "<a rel=\"noopener nofollow\" href=\"");
        html_text(put->w, text);
        html_put(put->w, "\">");
        html_text(put->w, text);
        html_put(put->w, "</a>");
    } else {
        html_text(put->w, text);
    }
}

static void put_value(struct put *put, const struct rp_field *field, struct rp_slice value)
{
    struct rp_reader r;
    char number[24];

    if (put->depth == DEPTH_MAX)
        return;
    put->depth++;
    rp_reader_init(&r, value);
    switch (rp_reader_peek(&r)) {
    case RP_TYPE_STR:
        put_string(put, field, rp_reader_str(&r));
        break;
    case RP_TYPE_UINT:
        snprintf(number, sizeof number, "%" PRIu64, rp_reader_uint(&r));
        html_put(put->w, number);
        break;
    case RP_TYPE_INT:
        snprintf(number, sizeof number, "%" PRId64, rp_reader_int(&r));
        html_put(put->w, number);
        break;
    case RP_TYPE_BOOL:
        html_put(put->w, rp_reader_bool(&r) ? "yes" : "no");
        break;
    case RP_TYPE_ARRAY:
        put_list(put, field, &r);
        break;
    case RP_TYPE_MAP:
        if (field->type == RP_FIELD_BLOCK)
            put_block(put, field->fields, value);
        break;
    default:
        break;
    }
    put->depth--;
}

static void put_sections(struct put *put, const struct rp_field *fields, struct rp_slice content)
{
    for (const struct rp_field *field = fields; field->name != NULL; field++) {
        struct rp_slice value = item_of(content, field->name);

        if (value.len == 0 || is_apart(field))
            continue;
        html_put(put->w, "<h2>");
        put_label(put->w, field);
        html_put(put->w, "</h2>\n<div>");
        put_value(put, field, value);
        html_put(put->w, "</div>\n");
    }
}

/* What a reader of a story must know before it. */
static void put_consent(struct rp_writer *w, struct rp_slice content)
{
    struct rp_slice basis = content_text(item_of(content, "consent"), "basis");
    static const struct {
        const char *basis;
        const char *says;
    } cases[] = {
        {"fictional", "This story is invented."},
        {"composite", "This story is put together from several."},
        {"own-story", "Told by the person whose story it is."},
        {"teller-consent", "Told with the consent of the person whose story it is."},
        {"guardian-consent", "Told with the consent of a guardian."},
        {"published-source", "Taken from a published source."},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (basis.len == strlen(cases[i].basis) &&
            memcmp(basis.data, cases[i].basis, basis.len) == 0) {
            html_put(w, "<p class=\"about\">");
            html_put(w, cases[i].says);
            html_put(w, "</p>\n");
        }
    }
}

static void put_origin(struct rp_writer *w, struct rp_slice version, struct rp_slice common)
{
    struct rp_slice content = content_of(version);
    struct rp_slice author = content_text(common, "author_name");
    struct rp_slice made = content_text(version, "made");
    struct rp_slice credit = content_text(content, "attribution");
    struct rp_slice licence = content_text(content, "licence");

    html_put(w, "<footer>");
    html_text(w, author.len > 0 ? author : content_text(common, "author"));
    html_put(w, ", ");
    if (made.len > VIEW_DATE_LEN)
        made.len = VIEW_DATE_LEN;
    html_text(w, made);
    if (credit.len > 0) {
        html_put(w, "<br>\nCredit: ");
        html_text(w, credit);
    }
    if (licence.len > 0) {
        html_put(w, "<br>\nLicence: ");
        html_text(w, licence);
    }
    html_put(w, "<br>\nVersion ");
    html_text(w, content_text(version, "id"));
    html_put(w, "</footer>\n");
}

void content_put(struct rp_writer *w, struct rp_slice version, struct rp_slice common,
                 struct content_budget *budget, const struct view_source *source)
{
    struct rp_slice content = content_of(version);
    struct rp_slice name = content_text(version, "kind");
    const struct rp_kind *kind = rp_kind_find(name);
    struct put put = {.w = w, .source = source, .budget = budget};

    html_put(w, "<article lang=\"");
    html_text(w, content_text(content, "lang"));
    html_put(w, "\">\n<p class=\"kind\">");
    html_text(w, kind != NULL ? rp_bytes_str(kind->label) : name);
    html_put(w, "</p>\n<h1>");
    html_text(w, content_title(content, name));
    html_put(w, "</h1>\n");
    put_consent(w, content);
    html_put(w, "<p class=\"short\">");
    html_text(w, content_text(content, "summary"));
    html_put(w, "</p>\n");
    if (kind != NULL)
        put_sections(&put, kind->fields, content);
    put_sections(&put, rp_kind_common, content);
    put_origin(w, version, common);
    html_put(w, "</article>\n");
}
