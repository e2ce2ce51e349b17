#include "request.h"
#include "rp/err.h"

#define WHY_MAX 5000

/* What hangs on the organisation's keys. */

bool request_may_sign(struct request *request)
{
    switch (core_signing(control_options(request->control)->core)) {
    case CORE_SIGNS:
        return true;
    case CORE_KEYLESS:
        request_error(
            request, RP_ERR_DENIED, NULL,
            "this node has no key of its organisation: it reads and passes on. Publish at "
            "a node that has it, or give this one the key: rpctl node add --with-key");
        return false;
    case CORE_REPLACED:
        request_error(request, RP_ERR_DENIED, NULL,
                      "the organisation's key was replaced elsewhere, and this node has the old "
                      "one: publish at the node that has the new one");
        return false;
    case CORE_REVOKED:
        request_error(request, RP_ERR_DENIED, NULL,
                      "this organisation has revoked this node: nobody links with it any more");
        return false;
    case CORE_FORKED:
        request_error(request, RP_ERR_DENIED, NULL,
                      "there are two successions of one number of this organisation, and no key of "
                      "it counts after them: see  rpctl status");
        return false;
    }
    return false;
}

void handle_keys_reload(struct request *request, struct rp_slice args)
{
    const struct control_opts *opts = control_options(request->control);
    static char why[WHY_MAX];
    int err;

    why[0] = '\0';
    err = opts->reload_keys != NULL
              ? opts->reload_keys(opts->ctx, arg_bin(args, "passphrase"), why, sizeof why)
              : RP_ERR_ARGUMENT;
    if (err != RP_OK) {
        request_error(request, err, NULL, "%s", why[0] != '\0' ? why : rp_err_text(err));
        return;
    }
    rp_writer_map(request_done(request), 0);
    request_send(request);
}
