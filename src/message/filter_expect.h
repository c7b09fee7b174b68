
/*
 * What filters can find in messages whose type is known.  What is refused is
 * certain: a field, or a value, that the type's own check would refuse in a
 * message.
 */


#ifndef NGX_WEBSOCKET_FILTER_EXPECT_H
#define NGX_WEBSOCKET_FILTER_EXPECT_H


#include "message/filter_private.h"


/*
 * Finds what the messages of a scope have at a path, which is the place's
 * name: *field is NULL when it may be anything.  Returns OK, or REFUSED when
 * there is never a value.
 */
ngx_websocket_json_e ngx_websocket_filter_expect(
    const ngx_websocket_filter_scope_t *scope,
    const ngx_websocket_json_place_t *place,
    const ngx_websocket_field_t **field, ngx_websocket_json_error_t *error);

/*
 * Returns OK when a value of the field, NULL for anything, may pass a test
 * with the value in JSON, which is of a type that the test has; or REFUSED.
 * The values of IN are given one by one.
 */
ngx_websocket_json_e ngx_websocket_filter_fits(
    const ngx_websocket_field_t *field, ngx_websocket_test_e op,
    const json_t *json, const ngx_websocket_json_place_t *place,
    ngx_websocket_json_error_t *error);


#endif /* NGX_WEBSOCKET_FILTER_EXPECT_H */
