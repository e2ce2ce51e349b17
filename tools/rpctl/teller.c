#include "teller.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "author/author.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/text.h"
#include "store/told.h"

/* The teller's code: made here, handed over on paper, and turned into a withdrawal. The node hears
 * of its public half only. */

#define CODE_LETTERS (5 * RP_TELLER_WORDS)
#define CODE_SIZE 1024 /* typed or piped in, with whatever stands between the letters */

void teller_code_new(struct teller_code *code)
{
    struct rp_key key;

    randombytes_buf(code->secret, sizeof code->secret);
    rp_teller_key(&key, code->secret);
    memcpy(code->teller, key.public, RP_KEY_LEN);
    rp_key_wipe(&key);
}

void teller_code_wipe(struct teller_code *code)
{
    sodium_memzero(code, sizeof *code);
}

/* The words in two lines of five, as they are copied by hand. */
static void print_words(const uint8_t secret[static RP_TELLER_SECRET_LEN])
{
    char words[RP_TELLER_TEXT_LEN + 1];
    const char *word = words;

    rp_teller_write(words, secret);
    for (int i = 0; i < RP_TELLER_WORDS; i++) {
        printf("%s%.5s%s", i % 5 == 0 ? "    " : " ", word, i % 5 == 4 ? "\n" : "");
        word += 6;
    }
    sodium_memzero(words, sizeof words);
}

/* Whether all that was printed has gone out. What is no file cannot be synced, and need not be. */
static bool has_gone_out(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) &&
           (fsync(STDOUT_FILENO) == 0 || errno == EINVAL || errno == EROFS);
}

bool teller_code_print(const struct teller_code *code, const json_t *fields)
{
    printf("\n--- for the person whose story it is: copy or print from here, and hand it over ---\n"
           "\nYour story");
    if (text_of(fields, "title")[0] != '\0') {
        printf(", \"");
        print_field(fields, "title");
        printf("\",");
    }
    printf(" is yours. This is your code for it:\n\n");
    print_words(code->secret);
    printf(
        "\nKeep it safe. Whoever has it can take the story back, and nobody else has a copy: not\n"
        "even we can make it again.\n\n"
        "You can take your story back at any time, and you need not say why. Give the code to any\n"
        "organisation that shares in this library. They type\n\n"
        "    rpctl withdraw --code -\n\n"
        "and then the words. The text is then deleted there and by every organisation that has\n"
        "it, also when we are no longer there. What somebody has printed or copied elsewhere\n"
        "cannot be called back.\n");
    if (text_of(json_object_get(fields, "consent"), "withdraw_via")[0] != '\0') {
        printf("\nOr ask us, without the code: ");
        print_field(json_object_get(fields, "consent"), "withdraw_via");
        printf("\n");
    }
    printf("\nCapital letters, spaces and line ends make no difference.\n"
           "\n--- to here. The code is shown this once and kept nowhere ---\n");
    return has_gone_out();
}

/* Withdrawing */

static size_t letters_in(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
    return n;
}

/* Reads from standard input until there are as many letters as a code has, or to its end. */
static void read_code(char text[static CODE_SIZE])
{
    size_t n = 0;

    if (isatty(STDIN_FILENO)) {
        fputs("The code, then Enter: ", stderr);
        fflush(stderr);
    }
    text[0] = '\0';
    while (n < CODE_SIZE - 1) { /* byte by byte: nothing of it stays in a buffer */
        ssize_t got = read(STDIN_FILENO, text + n, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text[++n] = '\0';
        if (text[n - 1] == '\n' && letters_in(text) >= CODE_LETTERS)
            break;
    }
}

/* The words after --code, one argument or several; they are wiped where they stand. */
static void take_code(char text[static CODE_SIZE], int argc, char **argv)
{
    size_t n = 0;

    for (int i = 0; i < argc; i++) {
        size_t len = strlen(argv[i]);

        if (len + 2 <= CODE_SIZE - n) {
            memcpy(text + n, argv[i], len);
            n += len;
            text[n++] = ' ';
        }
        sodium_memzero(argv[i], len);
    }
    text[n] = '\0';
}

/* Says what is wrong with the code. */
static int say_garbled(int err)
{
    if (err == RP_ERR_VERSION)
        complain("rpctl: this code is of a later version than this rpctl knows");
    else if (err == RP_ERR_CHECKSUM)
        complain("rpctl: the code is mistyped: all its words could be right, but together they "
                 "are not. Compare them with the sheet, letter by letter");
    else
        complain("rpctl: that is no teller's code: it has %d words of five letters, of which the "
                 "second and fourth are a, i, o or u",
                 RP_TELLER_WORDS);
    return EXIT_FAILED;
}

static bool take_bytes(uint8_t *out, size_t len, const json_t *map, const char *key)
{
    size_t n = 0;
    uint8_t *bytes = base64_decode(text_of(map, key), &n);
    bool ok = bytes != NULL && n == len;

    if (ok)
        memcpy(out, bytes, len);
    free(bytes);
    return ok;
}

struct withdrawing {
    struct client *client;
    const struct rp_key *key;
    unsigned found;
    unsigned before; /* of these, withdrawn already */
    json_t *items;
};

static void keep_item(void *ctx, const json_t *item)
{
    struct withdrawing *w = ctx;

    w->found++;
    if (json_is_true(json_object_get(item, "withdrawn")))
        w->before++;
    else
        json_array_append(w->items, (json_t *)(uintptr_t)item);
}

/* Writes the withdrawal of what ${item} names and hands it in. */
static int withdraw_item(struct withdrawing *w, const json_t *item)
{
    uint8_t seed[RP_RAND_SEED_LEN];
    struct rp_bytes packed;
    struct rp_writer args;
    struct rp_rand rand;
    struct told told;
    char hex[2 * RP_ID_LEN + 1];
    int result;

    memcpy(told.teller, w->key->public, RP_KEY_LEN);
    if (!take_bytes(told.object, RP_ID_LEN, item, "object") ||
        !take_bytes(told.org, RP_ID_LEN, item, "org") ||
        !take_bytes(told.scope, RP_ID_LEN, item, "scope") ||
        !take_bytes(told.seed, RP_SEED_LEN, item, "seed") ||
        !take_bytes(told.slip, RP_SIG_LEN, item, "slip")) {
        complain("rpctl: the node's answer is not understood: are both of the same version?");
        return EXIT_FAILED;
    }
    randombytes_buf(seed, sizeof seed);
    rp_rand_init(&rand, seed);
    if (author_withdraw_told(&packed, &told, w->key, &rand, (uint64_t)time(NULL) * 1000) != RP_OK) {
        complain("rpctl: out of memory");
        return EXIT_FAILED;
    }
    rp_writer_init(&args, RP_FRAME_MAX);
    rp_writer_map(&args, 1);
    rp_writer_str(&args, "record");
    rp_writer_bin(&args, packed.data, packed.len);
    result = client_call(w->client, CONTROL_IMPORT, &args, NULL, NULL, NULL);
    rp_writer_free(&args);
    rp_bytes_free(&packed);
    rp_text_hex(hex, told.object, RP_ID_LEN);
    if (result == EXIT_DONE && memcmp(told.scope, rp_record_local, RP_ID_LEN) == 0)
        printf("%.12s  withdrawn; it was local, so nobody else held it\n", hex);
    else if (result == EXIT_DONE)
        printf("%.12s  withdrawn here, and on its way to everybody who holds it\n", hex);
    return result;
}

static int withdraw_told(struct withdrawing *w)
{
    struct rp_writer args;
    const json_t *item;
    size_t i;
    int result;

    rp_writer_init(&args, RP_FRAME_MAX);
    rp_writer_map(&args, 1);
    rp_writer_str(&args, "teller");
    rp_writer_bin(&args, w->key->public, RP_KEY_LEN);
    result = client_call(w->client, CONTROL_TOLD, &args, keep_item, w, NULL);
    rp_writer_free(&args);
    if (result != EXIT_DONE)
        return result;
    json_array_foreach(w->items, i, item)
    {
        int one = withdraw_item(w, item);

        result = result == EXIT_DONE ? one : result;
    }
    if (w->found == 0)
        complain("rpctl: the code is a good one, but no story with it ever came to this node: ask "
                 "the organisation that took the story, or try another node of the library");
    else if (w->found == w->before)
        complain("rpctl: the story with this code is withdrawn already: nothing is left to do");
    return w->found == w->before ? EXIT_FAILED : result;
}

int teller_withdraw(const struct command_args *args, int argc, char **argv)
{
    static char text[CODE_SIZE];
    uint8_t secret[RP_TELLER_SECRET_LEN];
    struct withdrawing w = {0};
    struct rp_key key;
    int result;
    int err;

    if (argc == 0)
        return usage_error(args, "--code: which code? With - it is read from standard input");
    if (argc == 1 && strcmp(argv[0], "-") == 0)
        read_code(text);
    else
        take_code(text, argc, argv);
    err = rp_teller_read(secret, text);
    sodium_memzero(text, sizeof text);
    if (err != RP_OK)
        return say_garbled(err);
    rp_teller_key(&key, secret);
    sodium_memzero(secret, sizeof secret);
    w.key = &key;
    w.client = client_open(args->home);
    w.items = json_array();
    result = w.client != NULL ? withdraw_told(&w) : EXIT_NOT_RUNNING;
    json_decref(w.items);
    if (w.client != NULL)
        client_close(w.client);
    rp_key_wipe(&key);
    return result;
}
