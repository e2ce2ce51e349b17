#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "home.h"
#include "rp/err.h"
#include "rp/key.h"
#include "rpctl.h"

static const struct {
    const char *name;
    int (*run)(const struct command_args *args);
    const char *usage;
    const char *what;
} commands[] = {
    {"init", command_init,
     "init --name NAME [--no-confirm] [--passphrase-fd N] | --name NAME --node-of ORG",
     "make a home with the identity of an organisation, or for another node of one"},
    {"status", command_status, "status [--json] [--check]", "how this node is"},
    {"peers", command_peers, "peers [--json]", "the organisations it exchanges records with"},
    {"peer", command_peer,
     "peer add ORG [HOST:PORT] [--name NAME] | show PEER | verify PEER\n"
     "             | approve ORG | pause PEER | resume PEER | remove PEER   [--because TEXT]",
     "add one of them, look at it, compare words with it, let one in that called, ..."},
    {"invite", command_invite,
     "invite [--for NAME] [--expires 7d] [--no-vouch] | list [--json] | revoke INVITE",
     "make an invite, the token alone on standard output; list them; revoke one"},
    {"join", command_join, "join TOKEN | -", "use somebody's invite (-: from standard input)"},
    {"publish", command_publish,
     "publish FILE.md... [--audience local|commons|circle:NAME] [--new] [--dry-run] [--teller-code]\n"
     "                     [--as NAME]",
     "publish Markdown files; prints object ids, one a line"},
    {"import", command_import,
     "import FOLDER|FILE [--dry-run] [--kind K] [--lang TAG] [--licence SPDX]\n"
     "                     [--attribution TEXT] [--audience local|commons|circle:NAME] [--source NAME]\n"
     "                     [--only-accepted] [--verbose]",
     "take in a folder of Markdown, or an export"},
    {"withdraw", command_withdraw,
     "withdraw ID [--version ID]... [--reason TEXT] [--json] | --code CODE|-",
     "take back what this organisation published, or with a teller's code"},
    {"restored", command_restored, "restored [--trust-it]",
     "this home was restored from a backup: withhold stories until compared with a peer"},
    {"nodes", command_nodes, "nodes [--json]",
     "the nodes of the federation, by what each last said of itself"},
    {"withdrawals", command_withdrawals, "withdrawals [--json]",
     "what was taken back, here and elsewhere"},
    {"review", command_review,
     "review [--json] | ID [--json] | ID --confirm [--as NAME] |\n"
     "                     ID --refuse --because TEXT [--as NAME]",
     "stories that wait for a second person"},
    {"consent", command_consent,
     "consent [--all] [--json] | renew ID --given-on YYYY-MM --review-on YYYY-MM-DD\n"
     "                     [--as NAME]",
     "own stories whose consent runs out; consent that was given again"},
    {"list", command_list, "list [--kind K] [--author A] [--json]", "what the library holds"},
    {"show", command_show, "show ID [--json]", "one object; an id may be shortened"},
    {"diff", command_diff, "diff PEER [--json]", "compare with a peer now"},
    {"circle", command_circle,
     "circle create NAME --member ORG... | list [--json] | accept CIRCLE | leave CIRCLE |\n"
     "         renew CIRCLE [--member ORG]... [--without ORG]...",
     "private circles of organisations"},
    {"concern", command_concern, "concern ID --text TEXT",
     "tell its organisation, and nobody else, what worries you about something"},
    {"export", command_export, "export [--format ndjson|markdown] [--local] [FOLDER]",
     "write the library out"},
    {"key", command_key,
     "key rotate [--paper-file FILE] [--no-confirm] [--passphrase-fd N]\n"
     "      key recover [--stolen [--stand-by ID]...] [--paper-file FILE] [--no-confirm]\n"
     "                  [--passphrase-fd N] [--no-export] [--org ORG --peer INVITE|HOST:PORT]",
     "replace the organisation's key by means of the paper key: as a routine; or when it is lost, "
     "or stolen"},
    {"node", command_node,
     "node add REQUEST|- [--with-key [--passphrase-fd N]] [--because TEXT]\n"
     "      node accept GRANT|- [--passphrase-fd N] | request | list [--json]\n"
     "      node revoke NODE --because TEXT",
     "more nodes of this organisation: certify one that was made with init --node-of, ..."},
    {"trust", command_trust, "trust ORG [--json]", "by which path ORG is accepted, or why not"},
    {"vouch", command_vouch, "vouch ORG --because TEXT [--statement TEXT]",
     "say that ORG can be trusted; the reason stays here, the statement travels"},
    {"unvouch", command_unvouch, "unvouch ORG [--because TEXT]", "withdraw that"},
    {"block", command_block, "block ORG --because TEXT",
     "take and show nothing of ORG, nor of whom only it vouches for"},
    {"unblock", command_unblock, "unblock ORG [--because TEXT]", "end that"},
    {"hide", command_hide, "hide ID [--because TEXT]", "show an object no more, on this node only"},
    {"unhide", command_hide, "unhide ID [--because TEXT]", "end that"},
    {"hidden", command_hidden, "hidden [--json]", "what is hidden on this node"},
    {"audit", command_audit, "audit [--json]", "what was done here about others, and why"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_usage(FILE *out)
{
    fputs("usage: rpctl [--home DIR] COMMAND ...\n\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %s\n      %s\n", commands[i].usage, commands[i].what);
    fputs("\n--home DIR: default $RPNODE_HOME, else $XDG_DATA_HOME/rpnode,\n"
          "else ~/.local/share/rpnode\n"
          "\nexit status: 0 done, 1 failed, 2 wrong usage, 3 the node is not running\n",
          out);
}

const char *command_usage(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].usage;
    }
    return NULL;
}

int usage_error(const struct command_args *args, const char *format, ...)
{
    va_list list;

    fprintf(stderr, "rpctl %s: ", args->argv[0]);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\nusage: rpctl [--home DIR] %s\n", command_usage(args->argv[0]));
    return EXIT_USAGE;
}

int option_error(const struct command_args *args)
{
    if (optopt > 0 && optopt < OPTION(0)) /* getopt stays at a word of letters until its last */
        return usage_error(args, "-%c: unknown", optopt);
    return usage_error(args, "%s: unknown, or its value is missing", args->argv[optind - 1]);
}

int read_operands(const struct command_args *args, int min, int max, const char *missing,
                  bool *json)
{
    static const struct option options[] = {{"json", no_argument, NULL, OPTION('j')},
                                            {NULL, 0, NULL, 0}};
    int option;

    *json = false;
    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        *json = true;
    }
    if (args->argc - optind < min)
        return usage_error(args, "%s", missing);
    if (args->argc - optind > max)
        return usage_error(args, "%s: not expected", args->argv[optind + max]);
    return EXIT_DONE;
}

/* The home, from the arguments at ${at} or from the environment. EXIT_DONE, or what is wrong. */
static int read_home(char home[static HOME_PATH_MAX], int argc, char **argv, int *at)
{
    static struct why why;
    const char *given = NULL;

    if (*at < argc && strncmp(argv[*at], "--home=", 7) == 0) {
        given = argv[(*at)++] + 7;
    } else if (*at < argc && strcmp(argv[*at], "--home") == 0) {
        given = *at + 1 < argc ? argv[*at + 1] : "";
        *at += 2;
    }
    if (given == NULL && home_default(home, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    if (given == NULL)
        return EXIT_DONE;
    if (given[0] == '\0' || strlen(given) >= HOME_PATH_MAX) {
        fprintf(stderr, "rpctl: %s\n\nusage: rpctl [--home DIR] COMMAND ...\n",
                given[0] == '\0' ? "--home: which folder?" : "the path after --home is too long");
        return EXIT_USAGE;
    }
    memcpy(home, given, strlen(given) + 1);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    static char home[HOME_PATH_MAX];
    int at = 1;
    int status;

    if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "help") == 0)) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (at < argc && strcmp(argv[at], "--version") == 0) {
        puts("rpctl " RPNODE_VERSION);
        return EXIT_DONE;
    }
    if ((status = read_home(home, argc, argv, &at)) != EXIT_DONE)
        return status;
    for (size_t i = 0; at < argc && i < COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[at]) == 0)
            return commands[i].run(&(struct command_args){home, argc - at, argv + at});
    }
    if (at < argc)
        complain("rpctl: there is no command %s", argv[at]);
    print_usage(stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int status;

    signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no failure of ours */
    umask(077);
    if (sodium_init() < 0 || rp_key_self_test() != RP_OK) {
        fputs("rpctl: this libsodium cannot be used: it does not start, or judges signatures "
              "otherwise than the nodes' do\n",
              stderr);
        return EXIT_FAILED;
    }
    status = run(argc, argv);
    return finish_output() || status != EXIT_DONE ? status : EXIT_FAILED;
}
