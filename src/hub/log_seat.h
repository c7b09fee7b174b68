
/*
 * Seats: how many there are of something, of all workers that live.  What is
 * counted together is a channel without messages, whose name begins with a
 * byte of zero, as no other's does; who sits is a subscriber of it.
 */


#ifndef NGX_WEBSOCKET_LOG_SEAT_H
#define NGX_WEBSOCKET_LOG_SEAT_H


#include "hub/log.h"


/*
 * Takes a seat in each of n rows, whose names differ, in the name of the
 * worker in the slot.  A seat is taken until it is given back, or the worker's
 * slot has another incarnation.  Returns OK with the seats set; or with none
 * taken FULL when there is none left in one of them, NOSPACE or AGAIN.
 */
int ngx_websocket_log_sit(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *rows, size_t n, uint32_t slot,
    uint64_t now, ngx_websocket_log_seat_t *seats);

/* Gives n seats back. */
void ngx_websocket_log_rise(ngx_websocket_log_t *log,
    const ngx_websocket_log_seat_t *seats, size_t n, uint64_t now);

/*
 * Is a large part of the region, by a guess, full of what one of the channel's
 * workers has yet to read?  Returns 0, 1 when it is only the one in the slot,
 * or 2.
 */
int ngx_websocket_log_crowded(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot);


#endif /* NGX_WEBSOCKET_LOG_SEAT_H */
