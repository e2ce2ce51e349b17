#include "rp/err.h"

#include <stddef.h>

static const struct {
    int code;
    const char *name;
    const char *text;
} messages[] = {{RP_OK, "OK", "no error"},
#define X(name, value, text) {RP_ERR_##name, #name, text},
                RP_ERR_MAP(X)
#undef X
};

static size_t find(int err)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i].code == err)
            return i;
    }
    return sizeof messages / sizeof messages[0];
}

const char *rp_err_name(int err)
{
    size_t i = find(err);

    return i < sizeof messages / sizeof messages[0] ? messages[i].name : "UNKNOWN";
}

const char *rp_err_text(int err)
{
    size_t i = find(err);

    return i < sizeof messages / sizeof messages[0] ? messages[i].text : "unknown error";
}
