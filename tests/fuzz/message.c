#include "fuzz.h"

#include "rp/message.h"
#include "rp/recover.h"

static int again_link(struct rp_writer *w, int type, struct rp_slice frame)
{
    struct rp_hello hello;
    struct rp_refusal refusal;
    struct rp_accept accept;
    struct rp_slice reason;
    char *code;
    char *text;
    int err;

    if (type == RP_MESSAGE_HELLO) {
        if ((err = rp_message_read_hello(&hello, frame)) == RP_OK)
            rp_message_write_hello(w, &hello);
    } else if (type == RP_MESSAGE_REFUSE) {
        if ((err = rp_message_read_refuse(&refusal, frame)) != RP_OK ||
            memchr(frame.data, '\0', frame.len) != NULL)
            return RP_ERR_NOT_FOUND; /* the writer takes strings */
        code = fuzz_string(refusal.code);
        text = fuzz_string(refusal.text);
        rp_message_write_refuse(w, code, text);
        free(code);
        free(text);
    } else if (type == RP_MESSAGE_BYE) {
        if ((err = rp_message_read_bye(&reason, frame)) != RP_OK ||
            memchr(frame.data, '\0', frame.len) != NULL)
            return RP_ERR_NOT_FOUND;
        code = fuzz_string(reason);
        rp_message_write_bye(w, code);
        free(code);
    } else {
        if ((err = rp_message_read_accept(&accept, frame)) == RP_OK)
            rp_message_write_accept(w, &accept);
    }
    return err;
}

static int again_exchange(struct rp_writer *w, enum rp_message_type type, struct rp_slice frame)
{
    struct rp_check check;
    struct rp_part part;
    uint64_t exchange;
    int err;

    if (type == RP_MESSAGE_CHECK) {
        if ((err = rp_message_read_check(&check, frame)) == RP_OK)
            rp_message_write_check(w, &check);
    } else if (type == RP_MESSAGE_EQUAL || type == RP_MESSAGE_DONE) {
        if ((err = rp_message_read_exchange(&exchange, frame)) == RP_OK)
            (type == RP_MESSAGE_EQUAL ? rp_message_write_equal : rp_message_write_done)(w,
                                                                                        exchange);
    } else {
        if ((err = rp_message_read_part(&part, type, frame)) == RP_OK)
            rp_message_write_part(w, type, &part);
    }
    return err;
}

static int again_records(struct rp_writer *w, int type, struct rp_slice frame)
{
    struct rp_have have;
    struct rp_want want;
    struct rp_records records;
    struct rp_slice items;
    int err;

    if (type == RP_MESSAGE_HAVE) {
        if ((err = rp_message_read_have(&have, frame)) == RP_OK)
            rp_message_write_have(w, &have);
    } else if (type == RP_MESSAGE_WANT) {
        if ((err = rp_message_read_want(&want, frame)) == RP_OK)
            rp_message_write_want(w, &want);
    } else if ((err = rp_message_read_records(&records, frame)) == RP_OK) {
        items.data = records.items.at;
        for (uint32_t i = 0; i < records.n; i++)
            (void)rp_reader_item(&records.items);
        must(records.items.err == RP_OK);
        items.len = (size_t)(records.items.at - items.data);
        rp_message_write_records(w, records.request, records.last, records.n, items);
    }
    return err;
}

static int again_beacon(struct rp_writer *w, int type, struct rp_slice frame)
{
    struct rp_slice sealed;
    struct rp_seen seen;
    int err;

    if (type == RP_MESSAGE_BEACON) {
        if ((err = rp_message_read_beacon(&sealed, frame)) == RP_OK)
            rp_message_write_beacon(w, sealed);
    } else if ((err = rp_message_read_seen(&seen, frame)) == RP_OK) {
        rp_message_write_seen(w, &seen);
    }
    return err;
}

static int again_chain(struct rp_writer *w, struct rp_slice frame)
{
    struct rp_chain chain;
    int err = rp_chain_read(&chain, frame);

    if (err == RP_OK)
        rp_chain_write(w, chain.inception, chain.successions, chain.n);
    return err;
}

int fuzz_message_again(struct rp_writer *w, struct rp_slice frame)
{
    int type = rp_message_type(frame);

    if (type == RP_MESSAGE_BEACON || type == RP_MESSAGE_SEEN)
        return again_beacon(w, type, frame);
    if (type == RP_MESSAGE_CHAIN)
        return again_chain(w, frame);
    if (type < RP_MESSAGE_HELLO || type > RP_MESSAGE_RECORDS)
        return RP_ERR_NOT_FOUND;
    if (type <= RP_MESSAGE_ACCEPT)
        return again_link(w, type, frame);
    if (type <= RP_MESSAGE_DONE)
        return again_exchange(w, (enum rp_message_type)type, frame);
    return again_records(w, type, frame);
}
