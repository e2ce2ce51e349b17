#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "node.h"
#include "rp/err.h"
#include "rp/key.h"

#define EXIT_USAGE 2
#define OPTION(letter) (256 + (letter)) /* none is a letter, as getopt_long would have it */

static const char usage[] =
    "usage: rpnode [--home DIR] [--listen HOST:PORT] [--web HOST:PORT|off]\n"
    "\n"
    "Runs the node whose home is DIR in the foreground, until SIGINT or SIGTERM.\n"
    "\n"
    "  --home DIR          default: $RPNODE_HOME, else $XDG_DATA_HOME/rpnode,\n"
    "                      else ~/.local/share/rpnode. Made by  rpctl init\n"
    "  --listen HOST:PORT  where other nodes call; port 0 takes any free one\n"
    "  --web HOST:PORT     where the library is read in a browser, or off\n"
    "  --new-store         begin with an empty store where there is none\n"
    "  --restored          this home was restored from a backup: withhold stories until\n"
    "                      what was withdrawn since was compared with a peer\n"
    "  --passphrase-fd N   read the passphrase of the organisation's key from there;\n"
    "                      default: the systemd credential rpnode.passphrase, if any\n"
    "  --version           print the version and stop\n"
    "  --help              print this and stop\n"
    "\n"
    "Further settings: DIR/rpnode.conf\n";

struct arguments {
    const char *home;
    const char *listen;
    const char *web;
    const char *passphrase_fd;
    bool new_store;
    bool restored;
};

/* Says which argument getopt_long did not take: of a word of letters it names the letter only. */
static void say_unknown(char **argv)
{
    if (optopt > 0 && optopt < OPTION(0))
        fprintf(stderr, "rpnode: -%c: unknown\n\n%s", optopt, usage);
    else
        fprintf(stderr, "rpnode: %s: unknown, or its value is missing\n\n%s", argv[optind - 1],
                usage);
}

/* Reads the command line; -1 to go on, else an exit status. */
static int read_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option options[] = {
        {"home", required_argument, NULL, OPTION('h')},
        {"listen", required_argument, NULL, OPTION('l')},
        {"web", required_argument, NULL, OPTION('w')},
        {"new-store", no_argument, NULL, OPTION('n')},
        {"restored", no_argument, NULL, OPTION('r')},
        {"passphrase-fd", required_argument, NULL, OPTION('p')},
        {"version", no_argument, NULL, OPTION('v')},
        {"help", no_argument, NULL, OPTION('H')},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (option) {
        case OPTION('h'):
            out->home = optarg;
            break;
        case OPTION('l'):
            out->listen = optarg;
            break;
        case OPTION('w'):
            out->web = optarg;
            break;
        case OPTION('n'):
            out->new_store = true;
            break;
        case OPTION('r'):
            out->restored = true;
            break;
        case OPTION('p'):
            out->passphrase_fd = optarg;
            break;
        case OPTION('v'):
            puts("rpnode " RPNODE_VERSION);
            return EXIT_SUCCESS;
        case OPTION('H'):
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            say_unknown(argv);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "rpnode: %s: not expected\n\n%s", argv[optind], usage);
        return EXIT_USAGE;
    }
    return -1;
}

static bool set_text(char *out, size_t size, const char *value)
{
    if (value == NULL)
        return true;
    if (strlen(value) >= size)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

/* The passphrase from where it is said to be, or else the credential: EXIT_SUCCESS, also when there
 * is none, which ${out}->len of 0 says. */
static int read_passphrase(const char *fd_text, struct home_passphrase *out, struct why *why)
{
    char *end;
    long fd;
    int err;

    if (fd_text == NULL) {
        err = home_read_credential(out, why);
        return err == RP_OK || err == RP_ERR_NOT_FOUND ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    fd = strtol(fd_text, &end, 10);
    if (*end != '\0' || end == fd_text || fd < 0 || fd > 65535) {
        snprintf(why->text, sizeof why->text, "--passphrase-fd %s: not a file descriptor", fd_text);
        return EXIT_USAGE;
    }
    return home_read_passphrase((int)fd, out, why) == RP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* So that what is said of the home is true wherever it is read. A path that cannot be followed
 * stays as it is. */
static void make_absolute(char home[static HOME_PATH_MAX])
{
    char *path = realpath(home, NULL);

    if (path != NULL && strlen(path) < HOME_PATH_MAX)
        memcpy(home, path, strlen(path) + 1);
    free(path);
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct why why;
    static char home[HOME_PATH_MAX];
    static struct home_passphrase passphrase;
    struct arguments arguments = {NULL, NULL, NULL, NULL, false, false};
    struct node_opts opts = {.home = home, .config = &config};
    int status;

    signal(SIGPIPE, SIG_IGN); /* a peer that resets its connection must not end us */
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk, not the end */
    umask(077);
    prctl(PR_SET_DUMPABLE, 0); /* keys do not go into a core dump */
    if ((status = read_arguments(argc, argv, &arguments)) >= 0)
        return status;
    if (sodium_init() < 0 || rp_key_self_test() != RP_OK) {
        fputs("rpnode: this libsodium cannot be used: it does not start, or judges signatures "
              "otherwise than the other nodes' do\n",
              stderr);
        return EXIT_FAILURE;
    }
    if (!set_text(home, sizeof home, arguments.home) ||
        (arguments.home == NULL && home_default(home, &why) != RP_OK)) {
        fprintf(stderr, "rpnode: %s\n", why.text[0] != '\0' ? why.text : "--home is too long");
        return EXIT_FAILURE;
    }
    make_absolute(home);
    config = config_default;
    if (config_read(&config, home, &why) != RP_OK) {
        fprintf(stderr, "rpnode: %s\n", why.text);
        return EXIT_FAILURE;
    }
    if (!set_text(config.listen, sizeof config.listen, arguments.listen) ||
        !set_text(config.web, sizeof config.web, arguments.web)) {
        fputs("rpnode: an address is too long\n", stderr);
        return EXIT_USAGE;
    }
    if ((status = read_passphrase(arguments.passphrase_fd, &passphrase, &why)) != EXIT_SUCCESS) {
        fprintf(stderr, "rpnode: %s\n", why.text);
        return status;
    }
    opts.passphrase = passphrase.len > 0 ? &passphrase : NULL;
    opts.new_store = arguments.new_store;
    opts.restored = arguments.restored;
    return node_run(&opts);
}
