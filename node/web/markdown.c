#include <md4c.h>
#include <stdio.h>
#include <string.h>

#include "html.h"
#include "rp/err.h"

#define URL_MAX 2000
#define TARGETS_MAX (512u << 10) /* of all links of a text together */
#define ADDRESS_MAX 500          /* of one in running text */
#define HEADING_SHIFT 2          /* a text's own headings stand below those of the page */
#define HEADING_LAST 6
#define CONSTANT_MAX 16 /* bytes that the parser writes of its own */
#define SPANS_MAX 64    /* inside one another; what is deeper is shown without markup */

struct render {
    struct rp_writer *w;
    struct rp_slice source;         /* what is parsed */
    unsigned spans;                 /* that are open */
    MD_SPANTYPE span[SPANS_MAX];    /* their types, */
    const char *closing[SPANS_MAX]; /* and what closes them, which may be nothing */
    bool in_link;                   /* one of them has become a link */
    size_t targets;                 /* bytes of all links' targets and titles so far */
};

/*
 * A definition, written once, stands in for each link that uses it, so that a text can be made to
 * hold far more than its length. A callback that says so ends the rendering.
 */
static bool is_swollen(struct render *render, const MD_ATTRIBUTE *target, const MD_ATTRIBUTE *title)
{
    render->targets += target->size + title->size;
    return render->targets > TARGETS_MAX;
}

/*
 * The parser does not always open what it closes, nor close what it opens (in version 0.4.8, a "*"
 * in a link's target may end an emphasis, or begin one). So what is open is kept account of here.
 */
static void open_span(struct render *render, MD_SPANTYPE type, const char *opening,
                      const char *closing)
{
    if (render->spans == SPANS_MAX)
        return;
    html_put(render->w, opening);
    render->span[render->spans] = type;
    render->closing[render->spans++] = closing;
}

/* Closes spans until ${left} are open. */
static void close_spans(struct render *render, unsigned left)
{
    while (render->spans > left) {
        const char *closing = render->closing[--render->spans];

        if (strcmp(closing, "</a>") == 0)
            render->in_link = false;
        html_put(render->w, closing);
    }
}

static void put_heading(struct rp_writer *w, unsigned level, bool end)
{
    char tag[8];

    level += HEADING_SHIFT;
    snprintf(tag, sizeof tag, end ? "</h%u>" : "<h%u>",
             level > HEADING_LAST ? HEADING_LAST : level);
    html_put(w, tag);
}

static void put_list(struct rp_writer *w, const MD_BLOCK_OL_DETAIL *detail)
{
    char tag[32];

    snprintf(tag, sizeof tag, detail->start == 1 ? "<ol>" : "<ol start=\"%u\">", detail->start);
    html_put(w, tag);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *ctx)
{
    static const char *const tags[] = {
        [MD_BLOCK_QUOTE] = "<blockquote>",
        [MD_BLOCK_UL] = "<ul>",
        [MD_BLOCK_LI] = "<li>",
        [MD_BLOCK_HR] = "<hr>",
        [MD_BLOCK_CODE] = "<pre>",
        [MD_BLOCK_P] = "<p>",
        [MD_BLOCK_TABLE] = "<table>",
        [MD_BLOCK_THEAD] = "<thead>",
        [MD_BLOCK_TR] = "<tr>",
        [MD_BLOCK_TBODY] = "<tbody>",
        [MD_BLOCK_TH] = "<th>",
        [MD_BLOCK_TD] = "<td>",
    };
    struct render *render = ctx;

    close_spans(render, 0);
    if (type == MD_BLOCK_H)
        put_heading(render->w, ((const MD_BLOCK_H_DETAIL *)detail)->level, false);
    else if (type == MD_BLOCK_OL)
        put_list(render->w, detail);
    else if (type < sizeof tags / sizeof tags[0] && tags[type] != NULL)
        html_put(render->w, tags[type]);
    return render->w->err;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *ctx)
{
    static const char *const tags[] = {
        [MD_BLOCK_QUOTE] = "</blockquote>\n",
        [MD_BLOCK_UL] = "</ul>\n",
        [MD_BLOCK_OL] = "</ol>\n",
        [MD_BLOCK_LI] = "</li>\n",
        [MD_BLOCK_CODE] = "</pre>\n",
        [MD_BLOCK_P] = "</p>\n",
        [MD_BLOCK_TABLE] = "</table>\n",
        [MD_BLOCK_THEAD] = "</thead>\n",
        [MD_BLOCK_TBODY] = "</tbody>\n",
        [MD_BLOCK_TR] = "</tr>\n",
        [MD_BLOCK_TH] = "</th>",
        [MD_BLOCK_TD] = "</td>",
    };
    struct render *render = ctx;

    close_spans(render, 0);
    if (type == MD_BLOCK_H)
        put_heading(render->w, ((const MD_BLOCK_H_DETAIL *)detail)->level, true);
    else if (type < sizeof tags / sizeof tags[0] && tags[type] != NULL)
        html_put(render->w, tags[type]);
    return render->w->err;
}

/* Entities that say a character by its number or one of these names; others stay as written. */
static bool read_entity(struct rp_slice entity, char *out)
{
    static const struct {
        const char *name;
        char byte;
    } names[] = {{"&amp;", '&'}, {"&colon;", ':'}, {"&sol;", '/'}, {"&period;", '.'}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (entity.len == strlen(names[i].name) &&
            memcmp(entity.data, names[i].name, entity.len) == 0) {
            *out = names[i].byte;
            return true;
        }
    }
    return false;
}

/* The address of a link as a browser would take it, or empty: one that we do not understand. */
static struct rp_slice read_url(uint8_t *out, size_t size, const MD_ATTRIBUTE *url)
{
    const struct rp_slice none = {out, 0};
    size_t len = 0;

    for (unsigned i = 0; url->text != NULL && url->substr_offsets[i] < url->size; i++) {
        struct rp_slice part = {(const uint8_t *)url->text + url->substr_offsets[i],
                                url->substr_offsets[i + 1] - url->substr_offsets[i]};
        char byte;

        if (url->substr_types[i] == MD_TEXT_ENTITY) {
            if (!read_entity(part, &byte))
                return none;
            part = (struct rp_slice){(const uint8_t *)&byte, 1};
        } else if (url->substr_types[i] != MD_TEXT_NORMAL) {
            return none;
        }
        if (part.len > size - len)
            return none;
        memcpy(out + len, part.data, part.len);
        len += part.len;
    }
    return (struct rp_slice){out, len};
}

static void open_link(struct rp_writer *w, struct rp_slice url)
{
    html_put(w, "<a href=\"");
    html_text(w, url);
    html_put(w, url.data[0] == '/' ? "\">" : "\" rel=\"noopener nofollow\">");
}

static void begin_link(struct render *render, MD_SPANTYPE type, const MD_ATTRIBUTE *target)
{
    uint8_t buffer[URL_MAX];
    struct rp_slice url = read_url(buffer, sizeof buffer, target);

    if (render->spans == SPANS_MAX)
        return;
    if (render->in_link || !html_may_link(url)) {
        open_span(render, type, "", "");
        return;
    }
    open_link(render->w, url);
    open_span(render, type, "", "</a>");
    render->in_link = true;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *ctx)
{
    const MD_SPAN_IMG_DETAIL *image = detail;
    const MD_SPAN_A_DETAIL *link = detail;
    struct render *render = ctx;

    if (type == MD_SPAN_A && is_swollen(render, &link->href, &link->title))
        return RP_ERR_LIMIT;
    if (type == MD_SPAN_IMG && is_swollen(render, &image->src, &image->title))
        return RP_ERR_LIMIT;
    if (type == MD_SPAN_A)
        begin_link(render, type, &link->href);
    else if (type == MD_SPAN_IMG)
        begin_link(render, type, &image->src);
    else if (type == MD_SPAN_EM)
        open_span(render, type, "<em>", "</em>");
    else if (type == MD_SPAN_STRONG)
        open_span(render, type, "<strong>", "</strong>");
    else if (type == MD_SPAN_CODE)
        open_span(render, type, "<code>", "</code>");
    return render->w->err;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *ctx)
{
    struct render *render = ctx;
    unsigned at = render->spans;

    (void)detail;
    while (at > 0 && render->span[at - 1] != type)
        at--;
    if (at > 0)
        close_spans(render, at - 1);
    return render->w->err;
}

/* The length of the address that begins ${text}, without the punctuation behind it; 0: none. */
static size_t address_len(struct rp_slice text)
{
    static const char *const schemes[] = {"http://", "https://"};
    size_t n = 0;

    for (size_t i = 0; i < 2; i++) {
        size_t scheme = strlen(schemes[i]);

        if (text.len <= scheme || memcmp(text.data, schemes[i], scheme) != 0)
            continue;
        while (n < text.len && n < ADDRESS_MAX && text.data[n] > ' ' &&
               strchr("<>\"`{}|\\^\x7f", text.data[n]) == NULL)
            n++;
        while (n > scheme && strchr(".,;:!?'()[]*_~", text.data[n - 1]) != NULL)
            n--;
        return n > scheme ? n : 0;
    }
    return 0;
}

/* Running text, the addresses in it as links. The parser could do that, in time that grows with the
 * square of the text's length. */
static void put_running(struct rp_writer *w, struct rp_slice text)
{
    size_t from = 0;
    size_t at = 0;

    while (at < text.len) {
        struct rp_slice rest = {text.data + at, text.len - at};
        bool begins = text.data[at] == 'h' && (at == 0 || text.data[at - 1] <= ' ' ||
                                               strchr("([\"'*_~", text.data[at - 1]) != NULL);
        struct rp_slice url = {rest.data, begins ? address_len(rest) : 0};

        if (url.len == 0) {
            at++;
            continue;
        }
        html_text(w, (struct rp_slice){text.data + from, at - from});
        open_link(w, url);
        html_text(w, url);
        html_put(w, "</a>");
        from = at += url.len;
    }
    html_text(w, (struct rp_slice){text.data + from, text.len - from});
}

/* Whether ${text} is within what is parsed, or a constant of the parser's: breaks, indents. */
static bool is_sound(const struct render *render, struct rp_slice text)
{
    uintptr_t at = (uintptr_t)text.data - (uintptr_t)render->source.data;

    if (at > render->source.len)
        return text.len <= CONSTANT_MAX;
    return text.len <= render->source.len - at;
}

static int put_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *ctx)
{
    struct render *render = ctx;
    struct rp_slice slice = {(const uint8_t *)text, size};

    if (!is_sound(render, slice))
        return RP_ERR_LIMIT;
    if (type == MD_TEXT_BR)
        html_put(render->w, "<br>\n");
    else if (type == MD_TEXT_SOFTBR)
        html_put(render->w, "\n");
    else if (type == MD_TEXT_NULLCHAR)
        html_put(render->w, "\xef\xbf\xbd");
    else if (type == MD_TEXT_ENTITY)
        rp_writer_raw(render->w, slice); /* the parser knows its form: harmless in text */
    else if (type == MD_TEXT_NORMAL && !render->in_link)
        put_running(render->w, slice);
    else
        html_text(render->w, slice);
    return render->w->err;
}

void html_plain(struct rp_writer *w, struct rp_slice text)
{
    html_put(w, "<pre>");
    html_text(w, text);
    html_put(w, "</pre>\n");
}

void html_markdown(struct rp_writer *w, struct rp_slice text)
{
    static const MD_PARSER parser = {
        .flags = MD_FLAG_NOHTML | MD_FLAG_TABLES,
        .enter_block = enter_block,
        .leave_block = leave_block,
        .enter_span = enter_span,
        .leave_span = leave_span,
        .text = put_text,
    };
    struct render render = {.w = w};
    struct rp_bytes copy = {NULL, 0};
    size_t begin = w->len;
    bool ok;

    if (text.len > HTML_MARKDOWN_MAX) {
        html_plain(w, text);
        return;
    }
    /* The parser (0.4.8) looks at the byte behind the text, and if that suits it goes on there. */
    if (rp_bytes_join(&copy, text, (struct rp_slice){(const uint8_t *)"", 1}) != RP_OK) {
        w->err = RP_ERR_NOMEM;
        return;
    }
    render.source = (struct rp_slice){copy.data, text.len};
    ok = md_parse((const MD_CHAR *)copy.data, (MD_SIZE)text.len, &parser, &render) == 0;
    rp_bytes_free(&copy);
    if (ok || w->err != RP_OK)
        return;
    w->len = begin; /* memory was short in the parser, or the text swells */
    html_plain(w, text);
}
