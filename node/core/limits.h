#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

/* How much of everything the core keeps, and how long things may take. */

#define LINKS_MAX 256
#define INBOUND_MAX 192       /* of these, called by others: so that there is always room to dial */
#define GREETING_MAX 64       /* of those, not known yet to be peers */
#define ACCEPTED_MAX 16384    /* organisations accepted at a time, the nearest first */
#define VOUCHES_EACH_MAX 1024 /* of one organisation that count */
#define KNOCKS_MAX 64
#define REFUSED_MAX 4096       /* symbols remembered as refused, for a while */
#define FETCHES_MAX 131072     /* symbols wanted at a time, over all links */
#define FETCH_LINKS_MAX 4      /* links remembered as having one symbol */
#define ASKED_MAX 2048         /* symbols asked of one link at a time */
#define ASK_EACH_MAX 512       /* symbols in one WANT */
#define FETCHES_LINK_MAX 32768 /* of these, asked of one link or to be asked */
#define OFFERS_MAX 32768       /* symbols offered in one exchange; the other side LISTs the rest */
#define SUBMITTED_LINK_MAX (2u << 20) /* bytes from one link waiting to be taken in */
#define SUBMITTED_MAX (16u << 20)     /* the same from all, ... */
#define SUBMITTED_SURE (64u << 10)    /* ... but for so much from each, which it may always have */
#define TRANSMIT_LOW (128u << 10)     /* more is queued on a link only below this */
#define TRANSMIT_HIGH (1u << 20)      /* and it is not read above this */
#define ASK_MS 100                    /* what one symbol asked for may take, and ... */
#define ASK_BYTES_PER_MS 2            /* ... what comes; an answer slower than that is given up */
#define STALL_MS 4000                 /* a link that delivers nothing for so long: ask another */
#define EXCHANGE_MS 30000             /* an exchange that takes longer is dropped */
#define TRUSTED_MS 60000              /* what was read anew on a peer's word is not again */
#define LISTED_BYTES_PER_MS 100       /* of lists in which there is nothing for us */
#define SETTLE_MS 50                  /* before comparing again after a difference */
#define DECLINED_MS 1000              /* the same after it was not answered */
#define HELLO_MS 10000                /* from the handshake to both HELLOs */
#define FULL_MS 10000 /* after the store was full, before asking for records again */
#define DIAL_FIRST_MS 1000
#define DIAL_MAX_MS 300000
#define SCRUB_EACH 16                           /* records checked at a time */
#define CIRCLES_INVITED_MAX 256                 /* that wait for a decision */
#define CIRCLES_INVITED_EACH_MAX 16             /* of these, of one founder's */
#define RETRY_MS 2000                           /* after something could not be stored */
#define DROP_EACH 64                            /* records dropped at a time */
#define DROP_AFTER_MS (UINT64_C(30) * 86400000) /* since they were last accepted */
#define CALENDAR_STEP_MS 1000                   /* more than a calendar drifts between two ticks */
#define FAULTS_MAX 64        /* records that nobody honest sends, before a peer is shut out ... */
#define TOLD_MS 600000       /* what we told somebody of is known there */
#define SHUT_MS 600000       /* ... for so long at first, ... */
#define SHUT_MAX_MS 86400000 /* ... and then for so long */
#define DROP_LOOK_MS 600000  /* between two looks for such */
#define DROP_NEXT_MS 100     /* between two pieces */
#define QUOTA_MS 1000        /* between two computations of shares */
#define QUOTA_LOOK_MS 600000 /* the same while nothing but time passes */

#endif
