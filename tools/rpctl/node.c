#include <ctype.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "init.h"
#include "paper.h"
#include "rp/err.h"
#include "rp/text.h"
#include "rpctl.h"
#include "store/kv_lmdb.h"

/* node: more nodes of this organisation. The new one asks, one that has the organisation's key
 * grants, the new one accepts. */

#define MIB (UINT64_C(1) << 20)

char *read_words(const char *given, size_t max)
{
    char *out = malloc(max + 1);
    size_t n = 0;
    int c;

    if (out == NULL) {
        fputs("rpctl: out of memory\n", stderr);
        return NULL;
    }
    if (strcmp(given, "-") != 0) {
        for (; *given != '\0' && n < max; given++) {
            if (!isspace((unsigned char)*given))
                out[n++] = *given;
        }
    } else {
        while (n < max && (c = getchar()) != EOF) {
            if (!isspace(c))
                out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    if (n > 0 && n < max)
        return out;
    fprintf(stderr, "rpctl: %s\n", n == 0 ? "nothing was given" : "that is too long");
    free(out);
    return NULL;
}

void keep_peers(const char *home, uint64_t map_bytes, const struct peer_entry *peers, uint32_t n)
{
    static struct why why;
    struct kv *kv = home_open_store(home, map_bytes, &why);
    struct kv_txn *txn = NULL;
    int err = RP_ERR_CORRUPT;

    if (kv != NULL && (txn = kv_begin(kv, true, &err)) != NULL) {
        for (uint32_t i = 0; i < n; i++)
            peers_save(txn, &peers[i]);
        err = kv_commit(txn);
    }
    kv_lmdb_close(kv);
    if (err != RP_OK)
        complain("rpctl: whom to call was not noted: add a peer with  rpctl peer add  (%s)",
                 rp_err_text(err));
}

/* Asking */

int node_print_request(const char *home)
{
    char text[RP_NODE_REQUEST_TEXT_MAX + 1];
    struct rp_node_request request;
    static struct why why;

    if (home_request(home, &request, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    if (rp_node_request_write(text, &request) != RP_OK) {
        fputs("rpctl: the request cannot be written\n", stderr);
        return EXIT_FAILED;
    }
    puts(text);
    return EXIT_DONE;
}

static int node_request(const struct command_args *args)
{
    if (args->argc > 2)
        return usage_error(args, "%s: not expected", args->argv[2]);
    return node_print_request(args->home);
}

/* Granting */

struct node_options {
    bool with_key;
    const char *because;
    const char *passphrase_fd;
    const char *operand;
};

/* The options of add, accept and revoke, and the one operand after that word. */
static int read_options(const struct command_args *args, const char *missing,
                        struct node_options *out)
{
    static const struct option options[] = {{"with-key", no_argument, NULL, OPTION('k')},
                                            {"because", required_argument, NULL, OPTION('b')},
                                            {"passphrase-fd", required_argument, NULL, OPTION('p')},
                                            {NULL, 0, NULL, 0}};
    int option;

    *out = (struct node_options){.because = "", .operand = ""};
    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('k'))
            out->with_key = true;
        if (option == OPTION('b'))
            out->because = optarg;
        if (option == OPTION('p'))
            out->passphrase_fd = optarg;
    }
    if (args->argc - optind < 2)
        return usage_error(args, "%s", missing);
    if (args->argc - optind > 2)
        return usage_error(args, "%s: not expected", args->argv[optind + 2]);
    if (!rp_text_is_utf8(rp_bytes_str(out->because)) ||
        !rp_text_is_line(rp_bytes_str(out->because)))
        return usage_error(args, "--because: one line of text");
    out->operand = args->argv[optind + 1];
    return EXIT_DONE;
}

/* The organisation's key for the node that asks; in ${sealed}. */
static int seal_key(const struct command_args *args, const struct node_options *options,
                    const char *request_text, uint8_t sealed[static RP_GRANT_SEALED_LEN])
{
    static struct home_passphrase passphrase;
    struct rp_node_request request;
    static struct why why;
    int status;

    if (rp_node_request_read(&request, request_text) != RP_OK)
        return EXIT_DONE; /* the node says what is wrong with it */
    if ((status = passphrase_read(&passphrase, options->passphrase_fd)) != EXIT_DONE)
        return status;
    if (home_seal_key(args->home, passphrase.len > 0 ? &passphrase : NULL, request.noise, sealed,
                      &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        status = EXIT_FAILED;
    }
    sodium_memzero(&passphrase, sizeof passphrase);
    return status;
}

static int print_grant(const struct node_options *options, const char *grant, const uint8_t *sealed)
{
    char *whole = NULL;
    int err = RP_OK;

    if (options->with_key && (err = rp_grant_add_key(&whole, grant, sealed)) != RP_OK) {
        fprintf(stderr, "rpctl: the key was not put into the grant: %s\n", rp_err_text(err));
        return EXIT_FAILED;
    }
    fprintf(stderr,
            "Certified. On the new machine:  rpctl node accept  and this line, of use there "
            "only%s:\n",
            options->with_key ? ".\nThe organisation's key is in it, sealed for that machine" : "");
    puts(options->with_key ? whole : grant);
    free(whole);
    return EXIT_DONE;
}

static int add(const struct command_args *args, const struct node_options *options,
               const char *request)
{
    uint8_t sealed[RP_GRANT_SEALED_LEN];
    struct rp_writer w;
    json_t *answer;
    int status = EXIT_DONE;

    if (options->with_key)
        status = seal_key(args, options, request, sealed);
    if (status != EXIT_DONE)
        return status;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "because");
    rp_writer_str(&w, options->because);
    rp_writer_str(&w, "request");
    rp_writer_str(&w, request);
    rp_writer_str(&w, "with_key");
    rp_writer_bool(&w, options->with_key);
    status = client_ask(args->home, CONTROL_NODE_ADD, &w, &answer);
    rp_writer_free(&w);
    if (status == EXIT_DONE)
        status = print_grant(options, text_of(answer, "grant"), sealed);
    json_decref(answer);
    return status;
}

static int node_add(const struct command_args *args)
{
    struct node_options options;
    char *request;
    int status = read_options(
        args, "which node? Give what  rpctl init --node-of  has printed there", &options);

    if (status != EXIT_DONE)
        return status;
    if (options.passphrase_fd != NULL && !options.with_key)
        return usage_error(args, "--passphrase-fd: only with --with-key");
    if ((request = read_words(options.operand, RP_NODE_REQUEST_TEXT_MAX + 1)) == NULL)
        return EXIT_FAILED;
    status = add(args, &options, request);
    free(request);
    return status;
}

/* Accepting */

/* Whom the grant says is to be called. */
static void keep_granted(const char *home, const struct rp_grant *grant)
{
    static struct peer_entry peers[RP_GRANT_PEERS_MAX];
    struct config config = config_default;
    static struct why why;

    for (uint32_t i = 0; i < grant->peers; i++) {
        const struct rp_grant_peer *from = &grant->peer[i];
        struct peer_entry *to = &peers[i];

        *to =
            (struct peer_entry){.added = (uint64_t)time(NULL) * 1000, .addresses = from->addresses};
        memcpy(to->org, from->org, RP_ID_LEN);
        memcpy(to->name, from->name, sizeof to->name);
        for (uint32_t k = 0; k < from->addresses; k++)
            memcpy(to->address[k].text, from->address[k], sizeof to->address[k].text);
    }
    if (config_read(&config, home, &why) == RP_OK)
        keep_peers(home, config.store_mib * MIB, peers, grant->peers);
    else
        complain("rpctl: %s", why.text);
}

static int accept_grant(const struct command_args *args, const char *text,
                        const struct home_passphrase *passphrase)
{
    static struct rp_grant grant;
    static struct why why;
    bool was_node;
    int status = EXIT_DONE;

    if (home_accept_grant(args->home, text, passphrase->len > 0 ? passphrase : NULL, &grant,
                          &was_node, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    if (was_node && client_can_open(args->home)) {
        status = keys_reload(args->home, passphrase);
        printf("The certificate is a new one%s.\n", status == EXIT_DONE
                                                        ? ", and the node goes on with it"
                                                        : "; restart the node to go on with it");
    } else if (was_node) {
        printf("The certificate is a new one. Start the node: rpnode --home '%s'\n", args->home);
    } else {
        keep_granted(args->home, &grant);
        printf("This is a node of its organisation now, %s. Next: rpnode --home '%s'\n",
               grant.has_key ? "with its key: it can publish"
                             : "without its key: it reads and passes on",
               args->home);
    }
    return status;
}

static int node_accept(const struct command_args *args)
{
    static struct home_passphrase passphrase;
    struct node_options options;
    char *text;
    int status =
        read_options(args, "the grant is needed, or - to read it from standard input", &options);

    if (status != EXIT_DONE)
        return status;
    if (options.with_key || options.because[0] != '\0')
        return usage_error(args, "--with-key and --because: at the node that grants");
    if ((status = passphrase_read(&passphrase, options.passphrase_fd)) != EXIT_DONE)
        return status;
    status = EXIT_FAILED;
    if ((text = read_words(options.operand, 2 * RP_GRANT_MAX)) != NULL) {
        status = accept_grant(args, text, &passphrase);
        sodium_memzero(text, strlen(text));
    }
    free(text);
    sodium_memzero(&passphrase, sizeof passphrase);
    return status;
}

/* Listing, revoking */

static void print_node(const json_t *node)
{
    const char *seen = text_of(node, "seen");
    char ago[32];

    printf("%.16s  ", text_of(node, "node"));
    if (text_of(node, "revoked")[0] != '\0')
        printf("revoked %.10s", text_of(node, "revoked"));
    else if (json_is_true(json_object_get(node, "self")))
        printf("this node         ");
    else if (json_is_true(json_object_get(node, "linked")))
        printf("linked            ");
    else if (seen[0] != '\0')
        format_ago(ago, sizeof ago, seen), printf("heard of %-9s", ago);
    else
        printf("not heard of yet  ");
    printf("  %-8s  ", json_is_true(json_object_get(node, "with_key"))    ? "with key"
                       : json_is_false(json_object_get(node, "with_key")) ? "no key"
                                                                          : "");
    print_field(node, "name");
    printf("\n");
}

static int node_list(const struct command_args *args)
{
    const json_t *node;
    struct rp_writer w;
    json_t *answer;
    bool json;
    size_t i;
    int status = read_operands(args, 1, 1, "", &json);

    if (status != EXIT_DONE)
        return status;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    status = client_ask(args->home, CONTROL_NODE_LIST, &w, &answer);
    rp_writer_free(&w);
    if (status == EXIT_DONE && json) {
        print_json(answer, false);
    } else if (status == EXIT_DONE) {
        json_array_foreach(json_object_get(answer, "nodes"), i, node) print_node(node);
    }
    json_decref(answer);
    return status;
}

static int node_revoke(const struct command_args *args)
{
    struct node_options options;
    struct rp_writer w;
    int status = read_options(args, "which node? See  rpctl node list", &options);

    if (status != EXIT_DONE)
        return status;
    if (options.with_key || options.passphrase_fd != NULL)
        return usage_error(args, "--with-key and --passphrase-fd: not expected");
    if (options.because[0] == '\0')
        return usage_error(args, "--because is needed: the reason, which stays on this node");
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "because");
    rp_writer_str(&w, options.because);
    rp_writer_str(&w, "node");
    rp_writer_str(&w, options.operand);
    status = client_ask(args->home, CONTROL_NODE_REVOKE, &w, NULL);
    rp_writer_free(&w);
    if (status == EXIT_DONE)
        printf("revoked: every node that hears of it ends its links with that one. If it had the\n"
               "organisation's key, replace that, too: rpctl key recover --stolen\n");
    return status;
}

int command_node(const struct command_args *args)
{
    static const struct {
        const char *word;
        int (*run)(const struct command_args *args);
    } words[] = {
        {"request", node_request}, {"add", node_add},       {"accept", node_accept},
        {"list", node_list},       {"revoke", node_revoke},
    };

    for (size_t i = 0; args->argc > 1 && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(args->argv[1], words[i].word) == 0)
            return words[i].run(args);
    }
    return args->argc > 1
               ? usage_error(args, "%s: not something to do with a node", args->argv[1])
               : usage_error(args, "say what to do: add, accept, request, list or revoke");
}
