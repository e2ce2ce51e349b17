#include "paper.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "rp/err.h"
#include "rp/identity.h"
#include "rpctl.h"

#define TEXT_MAX 4096 /* of a file with a paper key in it */
#define LINE_MAX_LEN 256
#define CONFIRMED 3 /* words to be typed back */
#define ATTEMPTS 3

/* Showing */

/* The words in lines of five, as they are copied by hand. */
static void print_words(const char *words)
{
    for (int i = 0; i < RP_PAPER_WORDS; i++)
        printf("%s%.5s%s", i % 5 == 0 ? "    " : " ", words + (ptrdiff_t)6 * i,
               i % 5 == 4 ? "\n" : "");
}

/* Whether all that was printed has gone out: nothing else knows the key. A full disk may show only
 * now; what is no file cannot be synced, and need not be. */
static bool has_gone_out(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) &&
           (fsync(STDOUT_FILENO) == 0 || errno == EINVAL || errno == EROFS);
}

/* Asks for one word until it is right. */
static bool confirm_word(const char *words, unsigned n)
{
    char line[LINE_MAX_LEN];
    bool right = false;

    for (int i = 0; i < ATTEMPTS && !right; i++) {
        fprintf(stderr, "%sword %u of the paper key: ", i > 0 ? "That is another one. " : "",
                n + 1);
        if (fgets(line, sizeof line, stdin) == NULL)
            break;
        line[strcspn(line, " \t\r\n")] = '\0';
        right = strlen(line) == 5 && strncasecmp(line, words + (size_t)6 * n, 5) == 0;
    }
    sodium_memzero(line, sizeof line);
    return right;
}

/* Has some words typed back, in the order in which they stand. The head is left out: its words are
 * the same on every first paper key, and often the same twice. */
static bool confirm(const char *words)
{
    bool chosen[RP_PAPER_WORDS] = {false};
    unsigned left = CONFIRMED;
    bool right = true;

    fputs("\nTo make sure that it is on paper now, type some of its words.\n", stderr);
    while (left > 0) {
        uint32_t n =
            RP_PAPER_HEAD_WORDS + randombytes_uniform(RP_PAPER_WORDS - RP_PAPER_HEAD_WORDS);

        left -= !chosen[n];
        chosen[n] = true;
    }
    for (unsigned n = 0; n < RP_PAPER_WORDS && right; n++)
        right = !chosen[n] || confirm_word(words, n);
    if (!right)
        fputs("rpctl: this was not confirmed. The paper key above is void: strike it out\n",
              stderr);
    return right;
}

bool paper_show(void *ctx, const struct rp_paper *paper, const uint8_t org[static RP_ID_LEN])
{
    const struct paper_show *show = ctx;
    char words[RP_PAPER_TEXT_LEN + 1];
    char text[RP_ORG_TEXT_LEN + 1];
    bool ok;

    if (rp_paper_write(words, paper) != RP_OK)
        return false;
    rp_identity_text(text, org);
    if (show->replaces)
        printf(
            "The new paper key (version 1, number %u). The one before is used up: strike it out.\n"
            "This one is shown this once and kept nowhere. Write it",
            paper->number);
    else
        printf(
            "A home in %s\n\n"
            "Organisation  %s\n\n"
            "The paper key (version 1, number %u). It is shown this once and kept nowhere. Write it",
            show->home, text, paper->number);
    printf("\n"
           "on paper, with the organisation's id%s%s and the addresses of your peers once you\n"
           "have some, and lock it away: it is the only way back when the key in use is lost or\n"
           "stolen, and whoever has it can take the organisation over.\n\n",
           show->replaces ? " " : " above", show->replaces ? text : "");
    print_words(words);
    ok = has_gone_out() && (!show->confirm || isatty(STDIN_FILENO) == 0 || confirm(words));
    sodium_memzero(words, sizeof words);
    return ok;
}

/* Reading */

static int read_text(char text[static TEXT_MAX], const char *file)
{
    bool is_stdin = file == NULL || strcmp(file, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 1;

    if (is_stdin && isatty(STDIN_FILENO) != 0)
        fputs("The paper key, 20 words, in as many lines as you like; then an empty line:\n",
              stderr);
    while (fd >= 0 && n > 0 && len < TEXT_MAX - 1) {
        n = read(fd, text + len, TEXT_MAX - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        if (n == 1 && isatty(fd) != 0 && text[len - 1] == '\n')
            break; /* the empty line */
    }
    text[len] = '\0';
    if (fd < 0 || n < 0)
        fprintf(stderr, "rpctl: %s: %s\n", is_stdin ? "standard input" : file, strerror(errno));
    if (fd >= 0 && !is_stdin)
        close(fd);
    return fd < 0 || n < 0 ? RP_ERR_IO : RP_OK;
}

bool paper_read(struct rp_paper *out, const char *file)
{
    char text[TEXT_MAX];
    int err = read_text(text, file);

    if (err == RP_OK) {
        err = rp_paper_read(out, text);
        if (err == RP_ERR_CHECKSUM)
            fputs("rpctl: a word of the paper key is mistyped, or two are exchanged\n", stderr);
        else if (err == RP_ERR_VERSION)
            fputs("rpctl: the paper key is of a newer version: update rpctl\n", stderr);
        else if (err != RP_OK)
            fputs("rpctl: that is no paper key: it has 20 words of five letters\n", stderr);
    }
    sodium_memzero(text, sizeof text);
    return err == RP_OK;
}

int passphrase_read(struct home_passphrase *out, const char *text)
{
    static struct why why;
    char *end;
    long fd;

    out->len = 0;
    if (text == NULL)
        return EXIT_DONE;
    fd = strtol(text, &end, 10);
    if (*end != '\0' || end == text || fd < 0 || fd > 65535) {
        complain("rpctl: --passphrase-fd %s: not a file descriptor", text);
        return EXIT_USAGE;
    }
    if (home_read_passphrase((int)fd, out, &why) == RP_OK)
        return EXIT_DONE;
    fprintf(stderr, "rpctl: %s\n", why.text);
    return EXIT_FAILED;
}
