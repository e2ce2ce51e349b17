#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "home.h"
#include "rp/err.h"
#include "rpctl.h"

static const struct {
    const char *name;
    int (*run)(const struct command_args *args);
    const char *usage;
    const char *what;
} commands[] = {
    {"init", command_init, "init --name NAME", "make a home with the identity of an organisation"},
    {"status", command_status, "status [--json] [--check]", "how this node is"},
    {"peers", command_peers, "peers [--json]", "the organisations it exchanges records with"},
    {"peer", command_peer, "peer add ORG [HOST:PORT] [--name NAME] | remove PEER | show PEER",
     "add, remove or look at one of them"},
    {"invite", command_invite, "invite [--for NAME] [--expires 7d] [--no-vouch]",
     "make an invite; the token alone on standard output"},
    {"join", command_join, "join TOKEN | -", "use somebody's invite (-: from standard input)"},
    {"publish", command_publish,
     "publish FILE.md... [--audience local|commons] [--new] [--dry-run]",
     "publish Markdown files; prints object ids, one a line"},
    {"import", command_import,
     "import FOLDER|FILE [--dry-run] [--kind K] [--lang TAG] [--licence SPDX]\n"
     "                     [--attribution TEXT] [--audience local|commons] [--source NAME]\n"
     "                     [--only-accepted] [--verbose]",
     "take in a folder of Markdown, or an export"},
    {"withdraw", command_withdraw, "withdraw ID", "withdraw what this organisation published"},
    {"list", command_list, "list [--kind K] [--author A] [--json]", "what the library holds"},
    {"show", command_show, "show ID [--json]", "one object; an id may be shortened"},
    {"diff", command_diff, "diff PEER [--json]", "compare with a peer now"},
    {"export", command_export, "export [--format ndjson|markdown] [--local] [FOLDER]",
     "write the library out"},
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

int main(int argc, char **argv)
{
    static char home[HOME_PATH_MAX];
    static struct why why;
    int at = 1;

    signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no failure of ours */
    umask(077);
    if (sodium_init() < 0) {
        fputs("rpctl: libsodium cannot be used on this machine\n", stderr);
        return EXIT_FAILED;
    }
    if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "help") == 0)) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (at < argc && strcmp(argv[at], "--version") == 0) {
        puts("rpctl " RPNODE_VERSION);
        return EXIT_DONE;
    }
    if (at + 1 < argc && strcmp(argv[at], "--home") == 0) {
        if (strlen(argv[at + 1]) >= sizeof home) {
            fputs("rpctl: the path after --home is too long\n", stderr);
            return EXIT_USAGE;
        }
        memcpy(home, argv[at + 1], strlen(argv[at + 1]) + 1);
        at += 2;
    } else if (home_default(home, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    for (size_t i = 0; at < argc && i < COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[at]) == 0)
            return commands[i].run(&(struct command_args){home, argc - at, argv + at});
    }
    if (at < argc)
        fprintf(stderr, "rpctl: there is no command %s\n\n", argv[at]);
    print_usage(stderr);
    return EXIT_USAGE;
}
