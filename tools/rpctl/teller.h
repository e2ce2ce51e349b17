#ifndef TELLER_H
#define TELLER_H

#include "rp/teller.h"
#include "rpctl.h"

/* A code for the person whose story it is (SPEC 2.5). Wipe it when it was shown. */
struct teller_code {
    uint8_t secret[RP_TELLER_SECRET_LEN];
    uint8_t teller[RP_KEY_LEN]; /* the public half of its key: all that the node hears of it */
};
void teller_code_new(struct teller_code *code);
void teller_code_wipe(struct teller_code *code);

/* Prints the sheet for the teller of the story with these ${fields}. Whether it has gone out:
 * nobody else knows the code. */
bool teller_code_print(const struct teller_code *code, const json_t *fields);

/* rpctl withdraw --code, the words of the code being ${argv}, or "-". Gives an exit status. */
int teller_withdraw(const struct command_args *args, int argc, char **argv);

#endif
