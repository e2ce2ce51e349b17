#include "request.h"
#include "rp/err.h"

/* The nodes that beacons tell of. */

void continue_nodes(struct request *request, uint64_t now_ms)
{
    struct view_source source = request_source(request);
    uint32_t looked = 0;

    (void)now_ms;
    while (!request_must_wait(request) && request->client != NULL && looked < VIEW_TURN) {
        if (!view_nodes_next(&request->state.nodes, request_item(request), &source)) {
            request_finish(request, RP_OK);
            return;
        }
        request_send(request);
        looked++;
    }
    if (request->client == NULL)
        request_finish(request, RP_OK);
    else
        request_go_on_later(request, looked == VIEW_TURN);
}
