#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

#define FILE_MAX (1u << 20)

/* Runs a target over the files of a folder, for those who have no libFuzzer. usage: NAME FOLDER */

static void replay(const char *folder, const char *name)
{
    uint8_t *data = malloc(FILE_MAX);
    uint8_t *exact;
    char path[4096];
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    must(file != NULL && data != NULL);
    len = fread(data, 1, FILE_MAX, file);
    must(!ferror(file) && len < FILE_MAX);
    fclose(file);
    exact = malloc(len > 0 ? len : 1); /* so that AddressSanitizer sees who reads past the end */
    must(exact != NULL);
    memcpy(exact, data, len);
    free(data);
    fprintf(stderr, "%s\n", name); /* the last one is that which failed */
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    unsigned n = 0;

    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        replay(argv[1], entry->d_name);
        n++;
    }
    closedir(folder);
    printf("%u inputs\n", n);
    return n > 0 ? 0 : 1;
}
