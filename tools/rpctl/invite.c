#include <ctype.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/limits.h"
#include "rp/text.h"
#include "rp/token.h"
#include "rpctl.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* "7d", "12h", "30m" as ms; 0 when it is none of these. */
static uint64_t parse_span(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (end == text || n == 0 || n > 100000 || end[0] == '\0' || end[1] != '\0')
        return 0;
    switch (*end) {
    case 'd':
        return n * DAY_MS;
    case 'h':
        return (uint64_t)n * 3600 * 1000;
    case 'm':
        return (uint64_t)n * 60 * 1000;
    case 's':
        return (uint64_t)n * 1000;
    default:
        return 0;
    }
}

static void print_invite(void *json, const json_t *item)
{
    if (*(bool *)json) {
        print_json(item, true);
        return;
    }
    printf("%.16s  %-7s  until %.10s", text_of(item, "name"), text_of(item, "state"),
           text_of(item, "expires"));
    if (text_of(item, "for")[0] != '\0') {
        printf("  for ");
        print_field(item, "for");
    }
    if (text_of(item, "used_by")[0] != '\0')
        printf("  used by %s", text_of(item, "used_by"));
    printf("\n");
}

/* Operands: "list". */
static int list_invites(const struct command_args *args)
{
    bool json;
    int result = read_operands(args, 1, 1, "", &json);

    return result == EXIT_DONE ? client_list(args->home, CONTROL_INVITES, print_invite, &json)
                               : result;
}

/* Operands: "revoke", and which. */
static int revoke_invite(const struct command_args *args)
{
    struct rp_writer w;
    int result;

    if (args->argc != 3)
        return usage_error(args, "which invite? Give its name (rpctl invite list), or whom it is "
                                 "for, or the invite itself");
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "invite");
    rp_writer_str(&w, args->argv[2]);
    result = client_ask(args->home, CONTROL_INVITE_REVOKE, &w, NULL);
    rp_writer_free(&w);
    if (result == EXIT_DONE)
        printf("revoked: whoever has it is told so\n");
    return result;
}

/* An address without a host means "where the call came from", which an invite cannot know. */
static void warn_of_addresses(const char *text)
{
    struct rp_token token;
    bool named = rp_token_read(&token, text) != RP_OK;

    for (uint32_t i = 0; i < token.addresses && !named; i++)
        named = token.address[i][0] != ':';
    sodium_memzero(&token, sizeof token);
    if (!named)
        fputs("rpctl: this invite does not say where this node can be called, and cannot be used "
              "as it is. Set  advertise = HOST:PORT  in rpnode.conf to where others reach it, "
              "start rpnode again, and make another invite.\n",
              stderr);
}

int command_invite(const struct command_args *args)
{
    static const struct option options[] = {{"for", required_argument, NULL, OPTION('f')},
                                            {"expires", required_argument, NULL, OPTION('e')},
                                            {"no-vouch", no_argument, NULL, OPTION('n')},
                                            {NULL, 0, NULL, 0}};
    const char *whom = "";
    uint64_t span = parse_span("7d");
    bool no_vouch = false;
    struct rp_writer w;
    json_t *answer;
    int option;
    int result;

    if (args->argc > 1 && strcmp(args->argv[1], "list") == 0)
        return list_invites(args);
    if (args->argc > 1 && strcmp(args->argv[1], "revoke") == 0)
        return revoke_invite(args);
    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('f'))
            whom = optarg;
        if (option == OPTION('e') && (span = parse_span(optarg)) == 0)
            return usage_error(args, "--expires %s: not a time such as 7d, 12h or 30m", optarg);
        if (span > CONTROL_INVITE_DAYS_MAX * DAY_MS)
            return usage_error(args, "--expires %s: at most %dd", optarg, CONTROL_INVITE_DAYS_MAX);
        no_vouch |= option == OPTION('n');
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (strlen(whom) > RP_NAME_LEN_MAX || !rp_text_is_utf8(rp_bytes_str(whom)) ||
        !rp_text_is_line(rp_bytes_str(whom)))
        return usage_error(args, "--for: a name is one line of at most %d bytes", RP_NAME_LEN_MAX);
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "expires_ms");
    rp_writer_uint(&w, span);
    rp_writer_str(&w, "for");
    rp_writer_str(&w, whom);
    rp_writer_str(&w, "no_vouch");
    rp_writer_bool(&w, no_vouch);
    result = client_ask(args->home, CONTROL_INVITE, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE) {
        puts(text_of(answer, "token"));
        warn_of_addresses(text_of(answer, "token"));
    }
    json_decref(answer);
    return result;
}

/* The token without the white space that mail programs and people put into it. */
static bool read_token(char *out, size_t size, const char *given)
{
    size_t n = 0;
    int c;

    if (strcmp(given, "-") != 0) {
        for (; *given != '\0'; given++) {
            if (!isspace((unsigned char)*given) && n < size - 1)
                out[n++] = *given;
        }
    } else {
        while ((c = getchar()) != EOF && n < size - 1) {
            if (!isspace(c))
                out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return n > 0 && n < size - 1;
}

int command_join(const struct command_args *args)
{
    char token[RP_TOKEN_TEXT_MAX + 2];
    struct rp_writer w;
    json_t *answer;
    int result;

    if (args->argc != 2)
        return usage_error(args, "the token is needed, or - to read it from standard input");
    if (!read_token(token, sizeof token, args->argv[1])) {
        fputs("rpctl: that is not an invite: one begins with rpinvite1\n", stderr);
        return EXIT_FAILED;
    }
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "token");
    rp_writer_str(&w, token);
    result = client_ask(args->home, CONTROL_JOIN, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE) {
        printf("joined ");
        print_field(answer, "name");
        printf(" (%s)\n", text_of(answer, "organisation"));
    }
    json_decref(answer);
    return result;
}
