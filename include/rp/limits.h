#ifndef RP_LIMITS_H
#define RP_LIMITS_H

/*
 * Every limit of the formats and of the protocol, in one place (SPEC 1.3). Sizes are bytes unless
 * the name says otherwise; times end in _MS.
 */

/* Encoding */
#define RP_DEPTH_MAX 8     /* nested arrays and maps */
#define RP_ITEMS_MAX 16384 /* values in one item, containers and keys included */

/* Records */
#define RP_BODY_MAX 262144                 /* unpacked body: 256 KiB */
#define RP_KIND_LEN_MAX 24                 /* a kind's name */
#define RP_PARENTS_MAX 32                  /* versions that a version replaces */
#define RP_RECORD_MAX (RP_BODY_MAX + 1024) /* [codec, body, sig] as stored and sent */
#define RP_WINDOW_MAX 8388608              /* window of a zstd frame: 8 MiB, as RFC 8878 advises */

/* Identity */
#define RP_NAME_CHARS_MAX 120
#define RP_NAME_LEN_MAX 480    /* the same in UTF-8 */
#define RP_SUCCESSIONS_MAX 32  /* of one organisation; all are carried in a handshake */
#define RP_SUCCESSION_MAX 1024 /* body of a succession, so that all of them fit a proof */
#define RP_STANDS_BY_MAX 20    /* records of the old key that a succession lists */
#define RP_PROOF_MAX 40000     /* handshake payload */

/* Nodes of an organisation */
#define RP_REVOKED_MAX 100      /* nodes that one revocation names */
#define RP_GRANT_PEERS_MAX 32   /* whom a grant tells a new node to call */
#define RP_GRANT_MAX 131072     /* a grant, before it is text */
#define RP_GRANT_SEALED_LEN 112 /* the organisation's secrets in it: 64 and what sealing adds */

/* Circles */
#define RP_CIRCLE_MEMBERS_MIN 2
#define RP_CIRCLE_MEMBERS_MAX 64
#define RP_CIRCLE_MAX 40960 /* a descriptor as it is issued */

/* Channel */
#define RP_NOISE_MESSAGE_MAX 65535 /* one Noise message, tag included */
#define RP_HANDSHAKE_MAX 40960     /* one Noise handshake message */
#define RP_FRAME_MAX 1048576       /* one frame: 1 MiB */
#define RP_REKEY_MESSAGES 65536    /* transport messages in one direction between two rekeys */
#define RP_HANDSHAKE_MS 5000       /* from the opening of the connection to both proofs */
#define RP_FRAME_MS 30000          /* for a frame, from the first byte of what carries it */

/* Messages */
#define RP_CODECS_MAX 16   /* listed in HELLO */
#define RP_FEATURES_MAX 32 /* listed in HELLO */
#define RP_ADDRESSES_MAX 8
#define RP_ADDRESS_LEN_MAX 255
#define RP_REASON_LEN_MAX 300       /* code or text of REFUSE, reason of BYE, software in HELLO */
#define RP_ACCEPT_ENTRIES_MAX 16384 /* organisations in one ACCEPT message */
#define RP_ACCEPTED_MAX 65536       /* organisations known from one link */
#define RP_SYMBOLS_MAX 8192         /* symbols in one HAVE or PAGE; prefixes in one WANT */
#define RP_RECORDS_MAX 1024         /* records in one RECORDS message */
#define RP_REQUESTS_MAX 256         /* WANT and LIST on one link that are not answered yet */
#define RP_REQUESTED_MAX 32768      /* prefixes in these */

/* Beacons */
#define RP_BEACON_MAX 16384           /* with signature and certificate */
#define RP_BEACON_WITHDRAWALS_MAX 128 /* organisations whose withdrawals it tells of */
#define RP_SEEN_MAX 16384             /* beacons in one SEEN message */

/* Sets */
#define RP_IDS_BELOW 128          /* smaller sets are compared by sending their symbols */
#define RP_SKETCH_FIRST 32        /* cells sent with the digests */
#define RP_SKETCH_OCTAVE 256      /* digests sent for each octave of cells above, ... */
#define RP_SKETCH_OCTAVE_LATE 448 /* ... from this cell on: */
#define RP_SKETCH_LATE 8192
#define RP_SKETCH_OCTAVE_LAST 1408 /* and of the last one */
#define RP_SKETCH_CELLS_MAX 65536
#define RP_CELLS_PER_MESSAGE 32768

#endif
