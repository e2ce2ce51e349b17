#include "fuzz.h"

#include "web/html.h"

/* The rules for pages, written down a second time, from what a browser would make of them. */

#define DEPTH_MAX 4096

struct html {
    const char *at;
    const char *end;
    const char *open[DEPTH_MAX]; /* tags that are not closed yet */
    size_t depth;
};

static const char *const tags[] = {
    "a",  "article", "blockquote", "body", "code",   "dd",    "div",   "dl",
    "dt", "em",      "footer",     "h1",   "h2",     "h3",    "h4",    "h5",
    "h6", "head",    "header",     "html", "li",     "main",  "nav",   "ol",
    "p",  "pre",     "section",    "span", "strong", "table", "tbody", "td",
    "th", "thead",   "title",      "tr",   "ul",
};
static const char *const empty_tags[] = {"!doctype html", "br", "hr", "link", "meta"};
static const char *const attributes[] = {"charset", "class", "content", "href",
                                         "lang",    "name",  "rel",     "start"};

/* Takes the longest of ${words} that stands here; NULL for none. */
static const char *take_word(struct html *html, const char *const *words, size_t n)
{
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(words[i]);

        if (len <= (size_t)(html->end - html->at) && memcmp(html->at, words[i], len) == 0 &&
            (found == NULL || len > strlen(found)))
            found = words[i];
    }
    html->at += found != NULL ? strlen(found) : 0;
    return found;
}

static bool take(struct html *html, const char *text)
{
    return take_word(html, &text, 1) != NULL;
}

/* Where a link leads: within this site, or as html_may_link allows. */
static bool leads_well(struct rp_slice url)
{
    bool is_inside = url.len > 0 && url.data[0] == '/' && (url.len == 1 || url.data[1] != '/');

    return is_inside || html_may_link(url);
}

static void check_attribute(struct html *html)
{
    const char *name = take_word(html, attributes, sizeof attributes / sizeof attributes[0]);
    const char *value;

    must(name != NULL && take(html, "=\""));
    value = html->at;
    while (html->at < html->end && *html->at != '"') {
        must(*html->at != '<' && *html->at != '>');
        html->at++;
    }
    if (strcmp(name, "href") == 0)
        must(leads_well((struct rp_slice){(const uint8_t *)value, (size_t)(html->at - value)}));
    must(take(html, "\""));
}

static void check_tag(struct html *html)
{
    bool closes = take(html, "/");
    const char *empty = take_word(html, empty_tags, sizeof empty_tags / sizeof empty_tags[0]);
    const char *name = empty == NULL ? take_word(html, tags, sizeof tags / sizeof tags[0]) : NULL;

    must(name != NULL || (empty != NULL && !closes));
    while (!closes && take(html, " "))
        check_attribute(html);
    must(take(html, ">"));
    if (closes) {
        must(html->depth > 0 && strcmp(html->open[--html->depth], name) == 0);
    } else if (empty == NULL) {
        must(html->depth < DEPTH_MAX);
        html->open[html->depth++] = name;
    }
}

/* An entity: "&", letters and digits, ";". */
static void check_entity(struct html *html)
{
    size_t n = 0;

    (void)take(html, "#");
    while (html->at < html->end &&
           ((*html->at >= '0' && *html->at <= '9') || (*html->at >= 'a' && *html->at <= 'z') ||
            (*html->at >= 'A' && *html->at <= 'Z'))) {
        html->at++;
        n++;
    }
    must(n > 0 && take(html, ";"));
}

void fuzz_check_html(struct rp_slice text)
{
    struct html html = {.at = (const char *)text.data};

    if (text.len == 0)
        return;
    html.end = html.at + text.len;
    must(rp_text_is_utf8(text));
    while (html.at < html.end) {
        if (take(&html, "<"))
            check_tag(&html);
        else if (take(&html, "&"))
            check_entity(&html);
        else
            must(*html.at++ != '>');
    }
    must(html.depth == 0);
}
