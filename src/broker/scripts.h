
/*
 * The scripts that a node runs in Redis or Valkey, and the keys that they use.
 *
 * A channel's messages are a stream, and its entries' IDs are EPOCH-OFFSET: the
 * server gives the order, and what nodes have in memory is a copy.  An epoch is
 * a time in microseconds (16 digits), greater than any that the server has
 * given before, so that no two channels have the same.
 *
 * Every script that changes something is fenced: it does nothing unless the
 * server's generation is the caller's.  A generation ends when the server may
 * have lost something, by a failover or a restart; the next one begins when the
 * nodes have put back what it lacks.
 *
 * Keys, PREFIX being "ws:" where the configuration has no other:
 *
 *   PREFIX gen          GENERATION:FLOOR: the first 16 characters of the
 *                       server's master_replid, and the least epoch
 *   PREFIX e            the epoch that was given last
 *   PREFIX s:CHANNEL    a stream: "m" the envelope and "d" the payload of a
 *                       message; "x" of "d" that the channel was deleted, of
 *                       "t" that nobody has the message any more, of "e" and
 *                       an offset that the channel has ended after that: its
 *                       own offset is 2^64-1, behind which nothing is added
 *   PREFIX i:CHANNEL:H  EPOCH-OFFSET of the message with an idempotency key
 *   PREFIX p:CHANNEL    a hash: NODE:SESSION is a member
 *   PREFIX n:NODE:p     a hash: how many members the node has in a channel
 *   PREFIX m:NODE       a hash: CHANNEL SESSION, while the node tells whom it
 *                       has, is "j" or "l" of one who has come or gone
 *   PREFIX nodes        a sorted set: when a node was heard of last, ms; 0 for
 *                       one that is being buried
 *   PREFIX bury:NODE    who buries it
 *   PREFIX rev          a hash: KEY is "TIME UNTIL" of a revocation
 *   PREFIX rev:n        a number that changes with each revocation
 *   PREFIX l:KEY        a hash: NODE:G is how many of a limit's key a node has
 *   PREFIX h:G:CHANNEL  a hash: what nodes brought for generation G
 *   PREFIX b:G          a set: the channels of which something was brought
 *   PREFIX d:G          a set: nodes that have brought all they have
 *   PREFIX x:G          a set: nodes that are waited for
 *   PREFIX f:G          until when, ms
 *   PREFIX ing          a hash: which node takes in what others PUBLISH
 *
 * and where they PUBLISH:
 *
 *   PREFIX c:CHANNEL    KIND EPOCH-OFFSET " " SIZE " " ENVELOPE PAYLOAD, where
 *                       SIZE is that of the envelope, and KIND "+" a message,
 *                       "~" an ephemeral one, at 0-0; of "x", the deletion of
 *                       the channel, and "e", its end, after the message with
 *                       that ID, nothing else follows
 *   PREFIX ctl          "r" NUMBER of a revocation; "g" GENERATION:FLOOR when a
 *                       generation has begun
 *   PREFIX ing          "m" MARK: see NGX_WEBSOCKET_SCRIPT_TAKE
 *
 * An envelope begins with 16 bytes that no other message has.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_SCRIPTS_H
#define NGX_WEBSOCKET_SCRIPTS_H


#include <stddef.h>


typedef struct {
    const char  *name;
    const char  *text;              /* for SCRIPT LOAD */
    size_t       size;
} ngx_websocket_script_t;


/*
 * Of each: KEYS, without the prefix; ARGV; the reply.
 *
 * GEN is the value of the key "gen" that the caller knows.  A fenced script
 * whose server has another one replies with the error
 *
 *     FENCED VALUE
 *
 * where VALUE is that one, or "-".  Times are milliseconds of the server's
 * clock, numbers are in decimal.
 */

typedef enum {
    /*
     * KEYS gen, e, MESSAGE-KEYS...; ARGV GEN, MESSAGE...
     *
     * Publishes some messages, each of
     *
     *     keys  s:CHANNEL [i:CHANNEL:H]
     *     args  FLAGS HINT LENGTH TTL ENVELOPE PAYLOAD [KEEP] [AFTER]
     *
     * HINT is the epoch that the caller knows of the channel, or 0; it is not
     * below GEN's FLOOR, or 0.  LENGTH is how many messages stay in the stream,
     * and TTL how long after the last.  FLAGS are any of
     *
     *     i   with an idempotency key, kept for KEEP ms: when the channel has
     *         a message with it, there is no other
     *     r   perhaps it was published already: when its first 16 bytes are
     *         those of an entry after the ID AFTER ("-" is all), it was
     *     e   ephemeral: it is not put in the stream
     *     k   its publisher does not say what the channel keeps: LENGTH and TTL
     *         are the least, and what there is more of stays
     *     t   TTL was set of late: it stays where the stream is there
     *     z   the channel ends with it; with "e" it ends without a message
     *
     * Replies with two elements for each message: its ID, and how many nodes
     * heard it.  The ID is "=ID" of a message that was there; "!ID" of one
     * with its key and another body, where the bytes 12 to 15 of the envelopes
     * differ; "~" of an ephemeral one; "." when the channel has ended before;
     * of an end without a message that of the last one.  When a message is
     * refused (OOM) those before it are not: the first one is refused then.
     */
    NGX_WEBSOCKET_SCRIPT_PUBLISH = 0,

    /*
     * KEYS gen, e, s:CHANNEL; ARGV GEN, FROM, COUNT, TTL, SIZE
     *
     * Reads messages from an ID on.  Replies: "" and up to COUNT entries, or
     * "+" and less of them, as the payloads of those after the first one, which
     * the caller may have, have more than SIZE bytes; where
     * there are none, the ID of the channel's newest message, and an empty
     * list.  A channel that is not there begins: its newest ID is EPOCH-0 then,
     * for TTL ms from when this was asked last; "" of a full server.
     */
    NGX_WEBSOCKET_SCRIPT_READ,

    /*
     * KEYS gen, e, p:CHANNEL, n:NODE:p, nodes, [MESSAGE-KEYS];
     * ARGV GEN, OP, NODE, SESSION, CHANNEL, VALUE, [MESSAGE]
     *
     * OP is "j" for a member that joins, or has another VALUE; "l" for one that
     * leaves; "b" for one that is buried, which does nothing while the node is
     * not being buried.  The message goes with the change: it is published when
     * the member was not there, or was.
     * Replies: 1 or 0, whether it was; how many members there are; then, if it
     * was and there is a message, what PUBLISH replies.
     */
    NGX_WEBSOCKET_SCRIPT_MEMBER,

    /*
     * KEYS gen, p:CHANNEL, n:NODE:p, m:NODE;
     * ARGV GEN, NODE, CHANNEL, WHAT, (SESSION, VALUE)...
     *
     * Tells which members NODE has, all of them, without messages: when a
     * generation has begun, as the server may have lost some changes, and when
     * the server does not know the node.  WHAT is "o", with which it begins,
     * and after whose reply the node reads whom it has; "p" with some members
     * of a channel; "e" with the last ones of a channel; "c" when there are no
     * more channels.
     * Replies: 1; or to "c" up to 64 channels, of which it is to tell yet that
     * it has none there, and when that is empty it is done; or -1 when it took
     * too long, and is to begin anew.
     */
    NGX_WEBSOCKET_SCRIPT_MINE,

    /*
     * KEYS p:CHANNEL, nodes; ARGV LIMIT, SILENT
     *
     * Not fenced.  Replies: how many members there are, then at most LIMIT
     * fields and values, without those of nodes that were silent for SILENT
     * ms.
     */
    NGX_WEBSOCKET_SCRIPT_MEMBERS,

    /*
     * KEYS gen, nodes, rev:n; ARGV NODE, SILENT
     *
     * Not fenced.  The node lives.  Replies: the server's time; gen, or "";
     * the number of revocations; 1 when the node was not known, or was being
     * buried: it is to write its members and limits anew; a list of nodes that
     * are silent, at most 16; a list of those that are not.
     */
    NGX_WEBSOCKET_SCRIPT_BEAT,

    /*
     * KEYS nodes, bury:NODE, n:NODE:p; ARGV NODE, BY, SILENT, FOR
     *
     * Not fenced.  Node BY buries NODE, unless it lives or another one does
     * so, for FOR ms.  Replies: 1, a channel, and sessions and values of about
     * 32 members that NODE has in it, which are to leave by MEMBER; 0 when
     * there is nothing to do for BY; -1 when it is buried.
     */
    NGX_WEBSOCKET_SCRIPT_BURY,

    /*
     * KEYS rev, rev:n; ARGV KEY, TIME, UNTIL, NOW, MAX
     *
     * Not fenced.  Revokes what KEY had up to TIME, until UNTIL, in seconds.
     * Replies with the new number, or 0 when there are MAX that are not over
     * at NOW.
     */
    NGX_WEBSOCKET_SCRIPT_REVOKE,

    /*
     * KEYS gen, nodes, l:KEY...; ARGV OP, NODE, SILENT, TTL, NUMBER...
     *
     * Not fenced.  With OP "a" acquires one of each key, of which there may be
     * NUMBER in all nodes that live; "r" releases NUMBER of each; "s" sets how
     * many the node has to NUMBER, when a generation has begun, or to keep the
     * key for TTL ms more.
     * Replies 0, or the number (from 1) of a key that is used up, with none
     * acquired.
     */
    NGX_WEBSOCKET_SCRIPT_LIMIT,

    /*
     * KEYS gen, e, s:CHANNEL; ARGV GEN, HINT, TTL
     *
     * Deletes the channel: its messages go, and the deletion is the first entry
     * of a new epoch.  Replies: its ID, or "" when there was no such channel;
     * how many nodes heard of it, in either case.
     */
    NGX_WEBSOCKET_SCRIPT_DELETE,

    /*
     * KEYS gen, nodes; ARGV G, NEW, NODE
     *
     * Not fenced.  Replies with gen, or "".  Where there is neither a
     * generation nor a node, and NEW is 1 because the caller has not taken part
     * in one either, G begins.  When it has, NODE is one of those who are
     * waited for, as READY does, before it has said by BEAT that it lives.
     */
    NGX_WEBSOCKET_SCRIPT_GENERATION,

    /*
     * KEYS s:CHANNEL...
     *
     * Not fenced.  Replies with the ID of the newest message of each, also
     * where it is gone; 0-0 when there is no such channel.
     */
    NGX_WEBSOCKET_SCRIPT_TOPS,

    /*
     * KEYS gen, h:G:CHANNEL, b:G, i:CHANNEL:H...;
     * ARGV G, CHANNEL, FOR, LENGTH, TTL, (ID, CONTENT, KEEP)...
     *
     * For a generation that has not begun: what the node has of a channel that
     * is above the server's newest ID, which is kept for FOR ms.  LENGTH and
     * TTL are as with PUBLISH, the greatest of all nodes.  CONTENT is
     * SIZE " " ENVELOPE PAYLOAD, or "x" and "d", "t", or "e" OFFSET.  KEEP is
     * "", or that of an idempotency key, the next of KEYS.  Replies 1, or 0 when
     * G has begun.
     */
    NGX_WEBSOCKET_SCRIPT_BRING,

    /*
     * KEYS gen, d:G, x:G, f:G, nodes, m:NODE;
     * ARGV G, NODE, WAIT, TTL, NODES...
     *
     * NODE has brought all that it has, and knows of NODES.  Replies: how many
     * are waited for still, those included that the server knew when it was
     * alive; the ms that are left of WAIT since the first one asked; gen,
     * which is no server's from then on: a server's replication ID may change
     * while it goes on, and nodes have not noticed.  Who comes and goes is noted
     * for MINE from then on.
     */
    NGX_WEBSOCKET_SCRIPT_READY,

    /*
     * KEYS gen, e, s:CHANNEL, h:G:CHANNEL; ARGV G
     *
     * Appends what was brought of a channel, in order, with an "x" for what
     * nobody has.  Replies with how many messages were, or -1 when G has begun.
     */
    NGX_WEBSOCKET_SCRIPT_MERGE,

    /*
     * KEYS gen, e, b:G, d:G, x:G, f:G; ARGV G, FLOOR, LATE
     *
     * G begins, with FLOOR or the floor of the generation before; with LATE 1
     * with now as its floor: every channel's next message begins a new epoch.
     * Replies with gen.
     */
    NGX_WEBSOCKET_SCRIPT_FINISH,

    /*
     * KEYS ing; ARGV NODE, LEASE, MARK
     *
     * Not fenced.  NODE would take in what others PUBLISH, for LEASE ms.  All
     * nodes count what they hear after the last mark, which they hear in the
     * same order, so that any of them can carry on.  MARK is the one that NODE
     * has heard, or "".  Replies: the node that takes in; the mark; how many
     * after it were taken in.  A node that has not heard the mark begins a new
     * one, which is published in order with everything else.
     */
    NGX_WEBSOCKET_SCRIPT_TAKE,

    /*
     * KEYS gen, e, ing, MESSAGE-KEYS; ARGV GEN, NODE, MARK, NUMBER, MESSAGE
     *
     * Takes in the message that is NUMBER after MARK.  Replies as PUBLISH does,
     * or with "=" and 0 when it was taken in; with "" and 0 when it is not the
     * next one, or another node takes in.
     */
    NGX_WEBSOCKET_SCRIPT_INGEST,

    NGX_WEBSOCKET_SCRIPTS
} ngx_websocket_script_e;


extern const ngx_websocket_script_t
    ngx_websocket_scripts[NGX_WEBSOCKET_SCRIPTS];


#endif /* NGX_WEBSOCKET_SCRIPTS_H */
