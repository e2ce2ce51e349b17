#include "fuzz.h"

#include "web/html.h"

/* Whatever Markdown somebody writes: no markup but ours comes of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_writer w;

    if (!rp_text_is_utf8((struct rp_slice){data, size}))
        return 0;
    rp_writer_init(&w, 1u << 20);
    html_markdown(&w, (struct rp_slice){data, size});
    if (w.err == RP_OK)
        fuzz_check_html(rp_writer_slice(&w));
    rp_writer_free(&w);
    return 0;
}
