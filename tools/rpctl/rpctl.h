#ifndef RPCTL_H
#define RPCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/protocol.h"
#include "rp/writer.h"

/* rpctl: one file per command or group of commands, one table in main.c. */

/* What a process returns. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_RUNNING = 3,
    EXIT_WARNING = 4, /* status --check: not everything is in sync */
    EXIT_BROKEN = 5,  /* status --check: nothing can be stored */
};

/* A command's own arguments: after its name. */
struct command_args {
    const char *home;
    int argc; /* argv[0] is the command's name, for getopt */
    char **argv;
};

int command_init(const struct command_args *args);
int command_node(const struct command_args *args);
int command_key(const struct command_args *args);
int command_status(const struct command_args *args);
int command_peers(const struct command_args *args);
int command_peer(const struct command_args *args);
int command_invite(const struct command_args *args);
int command_join(const struct command_args *args);
int command_publish(const struct command_args *args);
int command_import(const struct command_args *args);
int command_withdraw(const struct command_args *args);
int command_nodes(const struct command_args *args);
int command_withdrawals(const struct command_args *args);
int command_restored(const struct command_args *args);
int command_review(const struct command_args *args);
int command_consent(const struct command_args *args);
int command_list(const struct command_args *args);
int command_show(const struct command_args *args);
int command_diff(const struct command_args *args);
int command_circle(const struct command_args *args);
int command_concern(const struct command_args *args);
int command_export(const struct command_args *args);
int command_vouch(const struct command_args *args);
int command_unvouch(const struct command_args *args);
int command_block(const struct command_args *args);
int command_unblock(const struct command_args *args);
int command_trust(const struct command_args *args);
int command_hide(const struct command_args *args); /* hide, unhide */
int command_hidden(const struct command_args *args);
int command_audit(const struct command_args *args);

/* Shows the one of ${peers} that ${name} names. */
int show_peer(const json_t *peers, const char *name);

/* How a command is called; printed with its usage errors. NULL when there is none so called. */
const char *command_usage(const char *name);

/* Says on standard error how ${args}' command is called; gives EXIT_USAGE. */
int usage_error(const struct command_args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What getopt_long gives for an option: none is a letter, so that it cannot be taken for one. */
#define OPTION(letter) (256 + (letter))

/* The same for an option that getopt_long did not take. */
int option_error(const struct command_args *args);

/*
 * For commands whose only option is --json, wherever it stands: leaves optind at the first of the
 * operands, of which there are ${min} to ${max}. EXIT_DONE, or EXIT_USAGE with ${missing} said.
 */
int read_operands(const struct command_args *args, int min, int max, const char *missing,
                  bool *json);

/* The node */

struct client;

/* Connects to the node of ${home}; NULL, with the reason said, when it is not running. */
struct client *client_open(const char *home);
void client_close(struct client *client);

/* Sends a command; its arguments are a map in ${args}, which is emptied. Gives its number, or 0. */
uint64_t client_send(struct client *client, enum control_command command, struct rp_writer *args);

struct reply {
    uint64_t number;
    enum { REPLY_ITEM, REPLY_DONE, REPLY_ERROR } type;
    /* Owned. Binaries are base64, integers above 2^63 - 1 text, so that nothing is lost. NULL: an
     * item that cannot be told as JSON, which was said. */
    json_t *value;
};

/* The next reply, to whichever request. False, with the reason said, when there is none any more.
 */
bool client_next(struct client *client, struct reply *out);

/*
 * Sends one command and waits for its end. Items go to ${item} (may be NULL), which does not own
 * them; the last value to ${done} (may be NULL). Gives an exit status, EXIT_FAILED also when an
 * item had to be left out; errors are said.
 */
int client_call(struct client *client, enum control_command command, struct rp_writer *args,
                void (*item)(void *ctx, const json_t *value), void *ctx, json_t **done);

/* Shows one object: gives it as one value, its versions in "versions". ${export} is NULL, or
 * "commons" or "local" for what may go into an export of that kind. */
int client_show(struct client *client, const char *id, const char *export, json_t **object);

/* What a listing is of: each narrows it, or NULL. */
struct client_listing {
    const char *author;
    const char *circle;
    const char *export; /* as above */
    const char *kind;
};

/* Lists current versions of objects: client_call with what it takes and gives. */
int client_list_objects(struct client *client, const struct client_listing *listing,
                        void (*item)(void *ctx, const json_t *value), void *ctx);

/* client_open, client_call and client_close for a command that takes nothing and gives items. */
int client_list(const char *home, enum control_command command,
                void (*item)(void *ctx, const json_t *value), void *ctx);

/* The same for a command without items. */
int client_ask(const char *home, enum control_command command, struct rp_writer *args,
               json_t **done);

/* Whether a node is running on the home; says nothing. */
bool client_can_open(const char *home);

/* export.c: writes every record as NDJSON to a new file. EXIT_DONE, or with the reason said. */
int export_all(const char *home, const char *folder, const char *name);

/* Says what an error reply holds: "rpctl: field: text". */
void say_error(const json_t *error);

/*
 * Printing. What others have written can hold anything: no character of it reaches a terminal that
 * moves the cursor, forges a line or turns the direction of the text. Such are shown as <U+001B>;
 * line ends and tabs, too, unless ${lines}.
 */
void print_text(FILE *out, const char *text, size_t len, bool lines);
void print_field(const json_t *map, const char *key);         /* on standard output, as one line */
char *visible_text(const char *text, size_t len, bool lines); /* malloc'd; never NULL */

void print_content(const json_t *content); /* a record's, field by field */

/* A line on standard error, the same way. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* JSON in which such characters are escaped. False when the value cannot be written. */
bool write_json(FILE *out, const json_t *value, bool lines); /* lines: compact, one line */
void print_json(const json_t *value, bool lines);

/* Writes everything to standard output. False, with the reason said, when that failed, unless the
 * reader has gone: one that has seen enough is no failure of ours. */
bool finish_output(void);

/* keys.c: what status says of keys that were replaced. */
void print_organisations(const json_t *status);

/* nodes.c: what status says of other nodes, and how one is called. */
void print_federation(const json_t *status);
void print_node_name(const json_t *node);

/* "2 h ago", "12 d", "-" is never used. */
void format_ago(char *out, size_t size, const char *iso);
void format_bytes(char *out, size_t size, uint64_t bytes);
const char *text_of(const json_t *map, const char *key); /* "" when absent */
uint64_t number_of(const json_t *map, const char *key);

/* Base64 in the form that JSON values use. */
char *base64_encode(const uint8_t *data, size_t len);  /* malloc'd */
uint8_t *base64_decode(const char *text, size_t *len); /* malloc'd; NULL: is none */

#endif
