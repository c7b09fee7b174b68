
#include <string.h>

#include "hub/log_member.h"
#include "hub/log_channel.h"
#include "hub/log_message.h"
#include "hub/log_private.h"


static void ngx_websocket_log_admit(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint32_t slot,
    const ngx_websocket_log_member_t *member, ngx_websocket_ref_t ref);
static void ngx_websocket_log_count_in(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint32_t slot, ngx_websocket_entry_t *entry);
static void ngx_websocket_log_count_out(ngx_websocket_log_t *log,
    ngx_websocket_member_t *m);
static void ngx_websocket_log_dismiss(ngx_websocket_log_t *log,
    ngx_websocket_ref_t ref);
static ngx_websocket_list_t *ngx_websocket_log_worker_list(
    ngx_websocket_log_t *log, ngx_websocket_member_t *m);
static void ngx_websocket_log_describe(ngx_websocket_member_t *m,
    ngx_websocket_log_member_t *member);


int
ngx_websocket_log_join(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot,
    const ngx_websocket_log_member_t *member,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake, ngx_websocket_member_ref_t *ref)
{
    int                      rc;
    ngx_websocket_ref_t      end;
    ngx_websocket_entry_t   *entry;
    ngx_websocket_log_put_t  put;

    put.message = message;
    put.parts = parts;
    put.n = n;
    put.reserve = NULL;

    memset(wake, 0, sizeof(ngx_websocket_log_wake_t));

    entry = ngx_websocket_log_own_entry(log, ngx_websocket_log_block(log,
                                                                     channel),
                                        slot);
    rc = NGX_WEBSOCKET_LOG_OK;

    if (entry == NULL) {
        rc = ngx_websocket_log_free_entry(log, channel, member->time, &entry);
    }

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        return rc;
    }

    if (message) {
        rc = ngx_websocket_log_prepare(log, channel, &put, 1, wake);

    } else {
        rc = ngx_websocket_log_make_room(log, 1, member->time, channel,
                                         NGX_WEBSOCKET_LOG_ROOM);
    }

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        return rc;
    }

    if (message) {
        ngx_websocket_log_put(log, channel, &put);
    }

    *ref = ngx_websocket_log_take(log, 1, &end);

    ngx_websocket_log_admit(log, channel, slot, member, *ref);
    ngx_websocket_log_count_in(log, channel, slot, entry);
    ngx_websocket_log_commit(log);

    if (message) {
        ngx_websocket_log_tell(log, channel, &put);
    }

    return NGX_WEBSOCKET_LOG_OK;
}


static void
ngx_websocket_log_admit(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    uint32_t slot, const ngx_websocket_log_member_t *member,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_list_t     *own;
    ngx_websocket_member_t   *m, *other;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);
    m = ngx_websocket_log_block(log, ref);
    own = &log->members[slot];

    /* ours alone until it is linked */

    ngx_websocket_log_fault();
    m->channel = channel;
    m->after = 0;
    m->before = ch->members.last;
    m->worker_after = 0;
    m->worker_before = own->last;
    m->slot = slot;
    m->incarnation = log->workers[slot];
    m->id = member->id;
    m->time = member->time;
    m->size = member->size;
    m->mourn = member->mourn;
    memcpy(m->data, member->data, member->size);

    if (ch->members.last) {
        other = ngx_websocket_log_block(log, ch->members.last);
        ngx_websocket_log_set32(log, &other->after, ref);

    } else {
        ngx_websocket_log_set32(log, &ch->members.first, ref);
    }

    if (own->last) {
        other = ngx_websocket_log_block(log, own->last);
        ngx_websocket_log_set32(log, &other->worker_after, ref);

    } else {
        ngx_websocket_log_set32(log, &own->first, ref);
    }

    ngx_websocket_log_set32(log, &ch->members.last, ref);
    ngx_websocket_log_set32(log, &own->last, ref);
    ngx_websocket_log_set8(log, ngx_websocket_log_kind(log, ref),
                           NGX_WEBSOCKET_LOG_MEMBER);
}


/* members are counted where subscribers are, and void with their worker */

static void
ngx_websocket_log_count_in(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint32_t slot, ngx_websocket_entry_t *entry)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    if (ngx_websocket_log_own_entry(log, ch, slot) == entry) {
        ngx_websocket_log_set32(log, &entry->members, entry->members + 1);

    } else {
        ngx_websocket_log_enter(log, entry, slot, ch->offset, 0, 1);
    }

    if (ch->list == NGX_WEBSOCKET_LOG_IDLE) {
        ngx_websocket_log_unlist(log, channel);
    }
}


static void
ngx_websocket_log_count_out(ngx_websocket_log_t *log,
    ngx_websocket_member_t *m)
{
    ngx_websocket_entry_t  *entry;

    if (m->incarnation != log->workers[m->slot]) {
        return;
    }

    entry = ngx_websocket_log_own_entry(log,
                                     ngx_websocket_log_block(log, m->channel),
                                     m->slot);

    ngx_websocket_log_set32(log, &entry->members, entry->members - 1);
}


int
ngx_websocket_log_leave(ngx_websocket_log_t *log,
    ngx_websocket_member_ref_t ref, uint64_t now,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake)
{
    int                       rc;
    ngx_websocket_ref_t       channel;
    ngx_websocket_member_t   *m;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_log_put_t   put;

    m = ngx_websocket_log_block(log, ref);
    channel = m->channel;
    ch = ngx_websocket_log_block(log, channel);

    put.message = message;
    put.parts = parts;
    put.n = n;
    put.reserve = NULL;

    memset(wake, 0, sizeof(ngx_websocket_log_wake_t));

    if (ch->deleted) {
        message = NULL;
    }

    if (message) {
        rc = ngx_websocket_log_prepare(log, channel, &put, 0, wake);

        if (rc != NGX_WEBSOCKET_LOG_OK) {
            message = NULL;
            memset(wake, 0, sizeof(ngx_websocket_log_wake_t));
        }

        if (rc == NGX_WEBSOCKET_LOG_AGAIN) {
            return rc;
        }
    }

    if (message) {
        ngx_websocket_log_put(log, channel, &put);
    }

    ngx_websocket_log_dismiss(log, ref);
    ngx_websocket_log_commit(log);

    if (message) {
        ngx_websocket_log_tell(log, channel, &put);
    }

    ngx_websocket_log_prune(log, ch);

    if (ch->deleted) {
        ngx_websocket_log_release(log, channel, now, 0);

    } else {
        ngx_websocket_log_settle(log, channel);
    }

    return NGX_WEBSOCKET_LOG_OK;
}


static void
ngx_websocket_log_dismiss(ngx_websocket_log_t *log, ngx_websocket_ref_t ref)
{
    ngx_websocket_list_t     *own;
    ngx_websocket_member_t   *m, *other;
    ngx_websocket_channel_t  *ch;

    m = ngx_websocket_log_block(log, ref);
    ch = ngx_websocket_log_block(log, m->channel);
    own = ngx_websocket_log_worker_list(log, m);

    other = ngx_websocket_log_block(log, m->before);
    ngx_websocket_log_set32(log, m->before ? &other->after
                                           : &ch->members.first, m->after);

    other = ngx_websocket_log_block(log, m->after);
    ngx_websocket_log_set32(log, m->after ? &other->before
                                          : &ch->members.last, m->before);

    other = ngx_websocket_log_block(log, m->worker_before);
    ngx_websocket_log_set32(log, m->worker_before ? &other->worker_after
                                                  : &own->first,
                            m->worker_after);

    other = ngx_websocket_log_block(log, m->worker_after);
    ngx_websocket_log_set32(log, m->worker_after ? &other->worker_before
                                                 : &own->last,
                            m->worker_before);

    ngx_websocket_log_count_out(log, m);
    ngx_websocket_log_set8(log, ngx_websocket_log_kind(log, ref), 0);
    ngx_websocket_log_give(log, ref, ref, 1);
}


static ngx_websocket_list_t *
ngx_websocket_log_worker_list(ngx_websocket_log_t *log,
    ngx_websocket_member_t *m)
{
    return m->incarnation == log->workers[m->slot] ? &log->members[m->slot]
                                                   : &log->orphans;
}


void
ngx_websocket_log_bereave(ngx_websocket_log_t *log, uint32_t slot)
{
    ngx_websocket_list_t    *own;
    ngx_websocket_member_t  *m;

    own = &log->members[slot];

    if (own->first == 0) {
        return;
    }

    if (log->orphans.last) {
        m = ngx_websocket_log_block(log, log->orphans.last);
        ngx_websocket_log_set32(log, &m->worker_after, own->first);

        m = ngx_websocket_log_block(log, own->first);
        ngx_websocket_log_set32(log, &m->worker_before, log->orphans.last);

    } else {
        ngx_websocket_log_set32(log, &log->orphans.first, own->first);
    }

    ngx_websocket_log_set32(log, &log->orphans.last, own->last);
    ngx_websocket_log_set32(log, &own->first, 0);
    ngx_websocket_log_set32(log, &own->last, 0);
}


ngx_websocket_member_ref_t
ngx_websocket_log_orphan(ngx_websocket_log_t *log,
    ngx_websocket_log_member_t *member)
{
    if (log->orphans.first) {
        ngx_websocket_log_member(log, log->orphans.first, member);
    }

    return log->orphans.first;
}


void
ngx_websocket_log_member(ngx_websocket_log_t *log,
    ngx_websocket_member_ref_t ref, ngx_websocket_log_member_t *member)
{
    ngx_websocket_log_describe(ngx_websocket_log_block(log, ref), member);
}


int
ngx_websocket_log_members(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_member_ref_t *ref,
    uint64_t *id, ngx_websocket_log_member_t *members, uint32_t *n)
{
    uint32_t                  i, max;
    ngx_websocket_ref_t       next;
    ngx_websocket_member_t   *m;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);
    max = *n;
    *n = 0;

    next = ch->members.first;

    if (*ref) {
        m = ngx_websocket_log_block(log, *ref);

        if (*ngx_websocket_log_kind(log, *ref) != NGX_WEBSOCKET_LOG_MEMBER
            || m->channel != channel || m->id != *id)
        {
            return NGX_WEBSOCKET_LOG_GAP;
        }

        next = m->after;
    }

    for (i = 0; next && *n < max && i < NGX_WEBSOCKET_LOG_SECTION; i++) {

        ngx_websocket_log_looked(1);

        m = ngx_websocket_log_block(log, next);

        *ref = next;
        *id = m->id;
        next = m->after;

        /* an orphan is not there any more, though it was not dismissed yet */

        if (m->incarnation == log->workers[m->slot]) {
            ngx_websocket_log_describe(m, &members[(*n)++]);
        }
    }

    return next ? NGX_WEBSOCKET_LOG_OK : NGX_WEBSOCKET_LOG_EMPTY;
}


static void
ngx_websocket_log_describe(ngx_websocket_member_t *m,
    ngx_websocket_log_member_t *member)
{
    member->id = m->id;
    member->time = m->time;
    member->size = m->size;
    member->mourn = m->mourn;

    memcpy(member->data, m->data, m->size);
}
