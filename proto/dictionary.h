#ifndef DICTIONARY_H
#define DICTIONARY_H

#include <stdint.h>

/* The dictionary of codec 2 (SPEC 2.1): dictionary-1.bin, built in. */
#define DICTIONARY_LEN 32768
extern const uint8_t dictionary_1[DICTIONARY_LEN];

#endif
