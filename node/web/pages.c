#include "pages.h"

#include <string.h>

#include "content.h"
#include "html.h"
#include "rp/err.h"
#include "rp/kind.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rp/text.h"

#define NEWEST 8  /* of each kind on the first page */
#define LISTED 50 /* on one page of a listing */
#define TITLE_MAX 480

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:0 auto;padding:1rem}"
    "header,footer{font-size:.9rem;padding:.5rem 0}header{border-bottom:1px solid}"
    "footer{border-top:1px solid;margin-top:3rem}"
    "h1{font-size:1.7rem;line-height:1.25;margin-bottom:.3rem}h2{font-size:1.25rem;margin-top:2rem}"
    "nav a{margin-right:1rem}.about,.kind{font-size:.9rem;opacity:.85}.short{font-size:1.15rem}"
    "li{margin:.3rem 0}ul.items{list-style:none;padding:0}ul.items li{margin:1rem 0}"
    "a{text-underline-offset:.15em}a:focus-visible{outline:3px solid;outline-offset:2px}"
    "pre{overflow:auto}table{border-collapse:collapse;display:block;overflow:auto}"
    "td,th{border:1px solid;padding:.2rem .5rem}blockquote{border-left:4px solid;margin-left:0;"
    "padding-left:1rem}dt{font-weight:bold}"
    "@media print{header,footer nav{display:none}a{color:inherit}}";

static void begin(struct rp_writer *w, struct rp_slice lang, struct rp_slice title)
{
    html_put(w, "<!doctype html>\n<html lang=\"");
    html_text(w, lang.len > 0 ? lang : rp_bytes_str("en"));
    html_put(w, "\">\n<head><meta charset=\"utf-8\"><title>");
    html_text(w, title);
    html_put(w, "</title>\n<meta name=\"viewport\" content=\"width=device-width\">\n"
                "<link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body>\n"
                "<header><a href=\"/\">The library</a></header>\n<main>\n");
}

static void end(struct page *page)
{
    struct rp_writer *w = &page->body;
    bool too_long;

    html_put(w, "</main>\n</body>\n</html>\n");
    if (w->err == RP_OK)
        return;
    too_long = w->err == RP_ERR_LIMIT;
    rp_writer_free(w);
    rp_writer_init(w, PAGE_MAX);
    page->status = 500;
    page->type = "text/plain; charset=utf-8";
    html_put(w, too_long ? "This page is too long to be shown. rpctl show shows it.\n"
                         : "This page cannot be shown now: memory is short.\n");
}

static void begin_own(struct page *page, unsigned status, const char *title)
{
    page->status = status;
    page->type = "text/html; charset=utf-8";
    begin(&page->body, rp_bytes_str("en"), rp_bytes_str(title));
    html_put(&page->body, "<h1>");
    html_str(&page->body, title);
    html_put(&page->body, "</h1>\n");
}

void page_say(struct page *page, unsigned status, const char *title, const char *text)
{
    rp_writer_init(&page->body, PAGE_MAX);
    begin_own(page, status, title);
    html_put(&page->body, "<p>");
    html_str(&page->body, text);
    html_put(&page->body, "</p>\n");
    end(page);
}

void page_free(struct page *page)
{
    rp_writer_free(&page->body);
}

static void say_unreadable(struct page *page)
{
    page_free(page);
    page_say(page, 500, "Not now", "The store cannot be read. The maintainers' log says why.");
}

/* Listings */

static void put_item(struct rp_writer *w, struct rp_slice item)
{
    struct rp_slice title = content_title(item, content_text(item, "kind"));
    struct rp_slice lang = content_text(item, "lang");
    struct rp_slice author = content_text(item, "author_name");
    struct rp_slice made = content_text(item, "made");

    html_put(w, "<li lang=\"");
    html_text(w, lang);
    html_put(w, "\"><a href=\"/o/");
    html_text(w, content_text(item, "object"));
    html_put(w, "\">");
    html_text(w, title);
    html_put(w, "</a><br>\n");
    html_text(w, content_text(item, "summary"));
    html_put(w, "<br>\n<span class=\"about\">");
    html_text(w, author.len > 0 ? author : content_text(item, "author"));
    html_put(w, ", ");
    if (made.len > VIEW_DATE_LEN)
        made.len = VIEW_DATE_LEN;
    html_text(w, made);
    html_put(w, "</span></li>\n");
}

/* Up to ${max} items, in ${n}. Gives an error of the store. */
static int put_items(struct rp_writer *w, struct view_list *list, unsigned max, unsigned *n,
                     const struct view_source *source)
{
    struct rp_writer item;
    int err = RP_OK;

    *n = 0;

    rp_writer_init(&item, RP_FRAME_MAX);
    html_put(w, "<ul class=\"items\">\n");
    while (*n < max && view_list_next(list, &item, source, &err)) {
        if (item.err == RP_ERR_NOMEM)
            w->err = item.err;
        put_item(w, rp_writer_slice(&item));
        rp_writer_reset(&item);
        (*n)++;
    }
    html_put(w, "</ul>\n");
    rp_writer_free(&item);
    return err;
}

static struct view_list list_of(const struct rp_kind *kind)
{
    struct view_list list = {.has_kind = true, .no_local = true, .public_only = true};

    memcpy(list.kind, kind->name, strlen(kind->name));
    return list;
}

static bool is_read(const struct rp_kind *kind)
{
    return kind->set == RP_SET_CONTENT && kind->authored;
}

static void put_withheld(struct rp_writer *w, const struct view_source *source)
{
    const char *why = view_withholds(source);

    if (why == NULL)
        return;
    html_put(w, "<p><strong>");
    html_str(w, why);
    html_put(w, "</strong></p>\n");
}

static void answer_first(struct page *page, const struct view_source *source)
{
    struct rp_writer *w = &page->body;

    begin_own(page, 200, "The library");
    html_put(w, "<p>Patterns and stories of working with people, kept in common by the "
                "organisations that wrote them. This is how ");
    html_str(w, source->self->identity.name);
    html_put(w, " holds it.</p>\n");
    put_withheld(w, source);
    for (const struct rp_kind *kind = rp_kind_table; kind->name != NULL; kind++) {
        struct view_list list = list_of(kind);
        struct rp_writer items;
        unsigned n;

        if (!is_read(kind))
            continue;
        rp_writer_init(&items, PAGE_MAX);
        if (put_items(&items, &list, NEWEST, &n, source) != RP_OK) {
            rp_writer_free(&items);
            say_unreadable(page);
            return;
        }
        if (n > 0 || list.more) {
            html_put(w, "<h2><a href=\"/kind/");
            html_str(w, kind->name);
            html_put(w, "\">");
            html_str(w, kind->plural);
            html_put(w, "</a></h2>\n");
            rp_writer_raw(w, rp_writer_slice(&items));
        }
        if (w->err == RP_OK)
            w->err = items.err;
        rp_writer_free(&items);
    }
    end(page);
}

static void answer_kind(struct page *page, const char *name, const char *after,
                        const struct view_source *source)
{
    const struct rp_kind *kind = rp_kind_find(rp_bytes_str(name));
    struct rp_writer *w = &page->body;
    struct view_list list;
    unsigned n;

    if (kind == NULL || !is_read(kind)) {
        page_say(page, 404, "Not here", "There is no such part of the library.");
        return;
    }
    list = list_of(kind);
    if (after != NULL && !view_list_resume(&list, after)) {
        page_say(page, 404, "Not here", "There is no such place in this listing.");
        return;
    }
    begin_own(page, 200, kind->plural);
    if (strcmp(name, "story") == 0)
        put_withheld(w, source);
    if (put_items(w, &list, LISTED, &n, source) != RP_OK) {
        say_unreadable(page);
        return;
    }
    if (n == LISTED || list.more) {
        char cursor[VIEW_CURSOR_MAX];

        view_list_cursor(cursor, &list);
        html_put(w, "<p><a href=\"/kind/");
        html_str(w, kind->name);
        html_put(w, "?after=");
        html_str(w, cursor);
        html_put(w, "\">Older ones</a></p>\n");
    }
    end(page);
}

/* One object */

/* What of an object's versions the page needs. */
struct object {
    struct rp_writer current[CONTENT_CURRENT_MAX]; /* versions that nothing replaces */
    unsigned current_n;
    struct rp_writer rest; /* what they have in common */
};

static int read_object(struct object *object, const char *id, const struct view_source *source)
{
    struct view_object view = {.public_only = true};
    struct rp_writer version;
    int err = strlen(id) == 2 * RP_ID_LEN && rp_text_unhex(view.object, id, 2 * RP_ID_LEN)
                  ? RP_OK
                  : RP_ERR_NOT_FOUND;

    rp_writer_init(&version, RP_FRAME_MAX);
    rp_writer_init(&object->rest, RP_FRAME_MAX);
    while (err == RP_OK && view_object_next(&view, &version, source, &err)) {
        if (version.err == RP_ERR_NOMEM)
            err = version.err;
        if (content_flag(rp_writer_slice(&version), "current") &&
            object->current_n < CONTENT_CURRENT_MAX) {
            object->current[object->current_n++] = version;
            rp_writer_init(&version, RP_FRAME_MAX);
        } else {
            rp_writer_reset(&version);
        }
    }
    rp_writer_free(&version);
    if (err == RP_OK)
        err = view_object_finish(&view, &object->rest, source);
    return err == RP_OK && object->rest.err == RP_ERR_NOMEM ? RP_ERR_NOMEM : err;
}

static void object_free(struct object *object)
{
    for (unsigned i = 0; i < object->current_n; i++)
        rp_writer_free(&object->current[i]);
    rp_writer_free(&object->rest);
}

static void put_backlinks(struct rp_writer *w, struct rp_slice rest)
{
    struct rp_reader r;
    uint32_t n;

    if (!rp_reader_find(rest, "referred_to_by", &r) || (n = rp_reader_array(&r)) == 0)
        return;
    html_put(w, "<h2>Mentioned by</h2>\n<ul>\n");
    for (; n > 0; n--) {
        struct rp_slice item = rp_reader_item(&r);

        html_put(w, "<li><a href=\"/o/");
        html_text(w, content_text(item, "object"));
        html_put(w, "\">");
        html_text(w, content_title(item, content_text(item, "kind")));
        html_put(w, "</a> <span class=\"kind\">");
        html_text(w, content_text(item, "kind"));
        html_put(w, "</span></li>\n");
    }
    html_put(w, content_flag(rest, "referred_to_by_more") ? "<li>and others</li>\n</ul>\n"
                                                          : "</ul>\n");
}

static void put_object(struct page *page, const struct object *object,
                       const struct view_source *source)
{
    struct rp_slice rest = rp_writer_slice(&object->rest);
    struct rp_slice version = rp_writer_slice(&object->current[0]);
    struct rp_slice first = content_of(version);
    struct content_budget budget = CONTENT_BUDGET;
    struct rp_writer *w = &page->body;

    page->status = 200;
    page->type = "text/html; charset=utf-8";
    begin(w, content_text(first, "lang"), content_title(first, content_text(version, "kind")));
    if (object->current_n > 1)
        html_put(w,
                 "<p>This was changed in more than one place at once. All versions follow.</p>\n");
    for (unsigned i = 0; i < object->current_n; i++)
        content_put(w, rp_writer_slice(&object->current[i]), rest, &budget, source);
    put_backlinks(w, rest);
    end(page);
}

static void answer_object(struct page *page, const char *id, const struct view_source *source)
{
    struct object object = {.current_n = 0};
    int err = read_object(&object, id, source);

    if (err == RP_ERR_WITHDRAWN)
        page_say(page, 410, "Withdrawn", "This was withdrawn.");
    else if (err != RP_OK && err != RP_ERR_NOT_FOUND && err != RP_ERR_ARGUMENT)
        say_unreadable(page);
    else if (err != RP_OK || object.current_n == 0)
        page_say(page, 404, "Not here", "This node has nothing under this address.");
    else
        put_object(page, &object, source);
    object_free(&object);
}

static void answer_health(struct page *page, const struct view_source *source)
{
    page->status = source->store_full ? 503 : 200;
    page->type = "text/plain; charset=utf-8";
    html_put(&page->body, source->store_full ? "no room in the store\n" : "ok\n");
}

void page_answer(struct page *page, const char *path, const char *after,
                 const struct view_source *source)
{
    rp_writer_init(&page->body, PAGE_MAX);
    if (strcmp(path, "/") == 0) {
        answer_first(page, source);
    } else if (strncmp(path, "/kind/", 6) == 0) {
        answer_kind(page, path + 6, after, source);
    } else if (strncmp(path, "/o/", 3) == 0) {
        answer_object(page, path + 3, source);
    } else if (strcmp(path, "/healthz") == 0) {
        answer_health(page, source);
    } else if (strcmp(path, "/style.css") == 0) {
        page->status = 200;
        page->type = "text/css; charset=utf-8";
        page->keep = true;
        html_put(&page->body, style);
    } else {
        page_say(page, 404, "Not here", "This node has nothing under this address.");
    }
}
