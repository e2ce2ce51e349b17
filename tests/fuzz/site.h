#ifndef FUZZ_SITE_H
#define FUZZ_SITE_H

#include "peer.h"
#include "rp/kind.h"
#include "view/view.h"

/* The pages of a node. */

/* One that is there for all inputs: it is only read. */
struct fuzz_peer *fuzz_site(void);

/* Publishes a record of that kind with that content; the object's id goes to ${id}. */
bool fuzz_site_publish(struct fuzz_peer *site, const struct rp_kind *kind, struct rp_slice content,
                       uint8_t id[static RP_ID_LEN]);

/* What its pages are made of. */
void fuzz_site_source(struct view_source *source, const struct fuzz_peer *site);

/* Asks for a page and checks what comes. */
void fuzz_site_visit(struct fuzz_peer *site, const char *path, const char *after);

#endif
