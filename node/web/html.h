#ifndef HTML_H
#define HTML_H

#include "rp/writer.h"

/*
 * HTML into a writer, which bounds it. html_put is for markup of our own and html_text for
 * everything else: what records, settings and addresses say is never put.
 */
void html_put(struct rp_writer *w, const char *markup);
void html_text(struct rp_writer *w, struct rp_slice text); /* escaped, for text and attributes */
void html_str(struct rp_writer *w, const char *text);      /* the same of a string */

/* CommonMark as HTML. Raw HTML is shown as text and images as links; of links, only those remain
 * that html_may_link allows. Addresses in running text become links. What cannot be rendered, or is
 * longer than any text of a kind, is shown as it was written. */
#define HTML_MARKDOWN_MAX (128u << 10)
void html_markdown(struct rp_writer *w, struct rp_slice text);

/* Text as it was written, its lines kept. */
void html_plain(struct rp_writer *w, struct rp_slice text);

/* Whether a page may lead there: http, https, mailto, and objects of this node by their whole id.
 */
bool html_may_link(struct rp_slice url);

#endif
