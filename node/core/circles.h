#ifndef CORE_CIRCLES_H
#define CORE_CIRCLES_H

/*
 * Circles (SPEC 3.8), shared by
 *     circles.c   who is in which, how members hear of them, on which links they are compared
 *     chains.c    members' keys, told to each other
 *     contacts.c  members that are no peers: called and let in for circles alone
 */

#include "core_private.h"
#include "rp/circle.h"

#define CONTACTS_MAX 256     /* members that are no peers */
#define CONTACT_LINKS_MAX 64 /* links for circles alone */

/* chains.c */
/* Both sides have accepted the circle: tells the other one whose keys have been replaced. */
void chains_meet(struct link *link, const struct circle *circle);
/* An organisation has another key: tells those who are in a circle with it. */
void chains_changed(struct core *core, uint32_t org);
int chains_receive(struct link *link, struct rp_slice frame);

/* circles.c */
int circles_load_all(struct core *core, uint64_t now_ms);
void circles_free(struct core *core);
struct circle *circles_find(const struct core *core, const uint8_t id[static RP_ID_LEN]);
bool circles_has_member(const struct circle *circle, uint32_t org);
/* The link is open: compares on it what its other side is a member of. */
void circles_attach(struct link *link, uint64_t now_ms);
void circles_detach(struct link *link);
void circles_stored(struct core *core, const struct change *change, uint64_t now_ms);
void circles_renew(const struct core *core, struct circle_entry *entry);
/* Does what memory was too short for. */
void circles_retry(struct core *core);
/* The other side is not in the circle: it may not have heard of it. */
void circles_declined(struct link *link, struct shared *shared);
int circles_receive(struct link *link, struct rp_slice frame, uint64_t now_ms);
/* Takes note of a circle that another member speaks of: a person is to decide. It is known after
 * that, unless it is not to be believed yet, or one too many. */
int circles_hear(struct core *core, struct rp_slice issued, uint64_t now_ms);

/* contacts.c */
void contacts_free(struct core *core);
struct peer *contacts_find(const struct core *core, const uint8_t org[static RP_ID_LEN]);
/* Whom a call that was planned is for: a peer, or one of these. NULL: nobody any more. */
struct peer *contacts_called(const struct core *core, const uint8_t org[static RP_ID_LEN]);
/* Circles, peers or blocks have changed: finds out anew whom there is to call, and parts from the
 * others. */
void contacts_review(struct core *core, uint64_t now_ms);
/* The descriptor by which we are to be let in; empty when there is no circle any more. */
struct rp_slice contacts_credential(struct link *link);
/*
 * The caller shows ${issued}: in ${out} whom to treat it as, or NULL when it is not let in. With
 * ${known}, that is no stranger: it speaks of a circle that a person here decides about, or has.
 */
int contacts_admit(struct link *link, struct rp_slice issued, uint64_t now_ms, struct peer **out,
                   bool *known);
uint64_t contacts_deadline(const struct core *core);
void contacts_tick(struct core *core, uint64_t now_ms);

#endif
