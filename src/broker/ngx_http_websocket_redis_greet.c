
#include "broker/ngx_http_websocket_redis_greet.h"


static ngx_int_t ngx_http_websocket_greet_script(
    ngx_http_websocket_redis_t *redis, ngx_uint_t script);
static ngx_int_t ngx_http_websocket_greet_ask(
    ngx_http_websocket_redis_t *redis, const char *one, const char *other,
    ngx_http_websocket_reply_pt reply);
static void ngx_http_websocket_greet_authenticated(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_greet_role(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_greet_info(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_greet_loaded(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_greet_end(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);


ngx_int_t
ngx_http_websocket_redis_greet(ngx_http_websocket_redis_t *redis)
{
    ngx_uint_t  i;

    if (ngx_http_websocket_redis_log_in(redis, &redis->conf->login) != NGX_OK
        || ngx_http_websocket_greet_ask(redis, "ROLE", NULL,
                                        ngx_http_websocket_greet_role)
        != NGX_OK
        || ngx_http_websocket_greet_ask(redis, "INFO", "replication",
                                        ngx_http_websocket_greet_info)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; redis->scripts && i < NGX_WEBSOCKET_SCRIPTS; i++) {
        if (ngx_http_websocket_greet_script(redis, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_websocket_greet_ask(redis, "PING", NULL,
                                        ngx_http_websocket_greet_end);
}


ngx_int_t
ngx_http_websocket_redis_log_in(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_broker_login_t *login)
{
    u_char                        *p;
    ngx_str_t                     *user, *password;
    ngx_http_websocket_command_t  *command;

    user = &login->user;
    password = &login->password;

    if (password->len == 0) {
        return NGX_OK;
    }

    command = ngx_http_websocket_redis_command(redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + ngx_websocket_resp_bulk_size(4)
                        + ngx_websocket_resp_bulk_size(user->len)
                        + ngx_websocket_resp_bulk_size(password->len),
                        ngx_http_websocket_greet_authenticated, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, user->len ? 3 : 2);
    p = ngx_websocket_resp_bulk(p, "AUTH", 4);

    if (user->len) {
        p = ngx_websocket_resp_bulk(p, user->data, user->len);
    }

    command->last = ngx_websocket_resp_bulk(p, password->data, password->len);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_greet_script(ngx_http_websocket_redis_t *redis,
    ngx_uint_t script)
{
    u_char                        *p;
    const ngx_websocket_script_t  *s;
    ngx_http_websocket_command_t  *command;

    s = &ngx_websocket_scripts[script];

    command = ngx_http_websocket_redis_command(redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + ngx_websocket_resp_bulk_size(6)
                        + ngx_websocket_resp_bulk_size(4)
                        + ngx_websocket_resp_bulk_size(s->size),
                        ngx_http_websocket_greet_loaded,
                        redis->sha[script]);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, 3);
    p = ngx_websocket_resp_bulk(p, "SCRIPT", 6);
    p = ngx_websocket_resp_bulk(p, "LOAD", 4);
    command->last = ngx_websocket_resp_bulk(p, s->text, s->size);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


/* a command of one word or two */

static ngx_int_t
ngx_http_websocket_greet_ask(ngx_http_websocket_redis_t *redis,
    const char *one, const char *other, ngx_http_websocket_reply_pt reply)
{
    u_char                        *p;
    ngx_http_websocket_command_t  *command;

    command = ngx_http_websocket_redis_command(redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + 2 * ngx_websocket_resp_bulk_size(16), reply, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, other ? 2 : 1);
    p = ngx_websocket_resp_bulk(p, one, ngx_strlen(one));

    if (other) {
        p = ngx_websocket_resp_bulk(p, other, ngx_strlen(other));
    }

    command->last = p;

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static void
ngx_http_websocket_greet_authenticated(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    (void) ngx_http_websocket_redis_refused(redis, "AUTH", value);
}


/* a replica takes no messages, and tells of none once it is cut off */

static void
ngx_http_websocket_greet_role(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    if (!ngx_http_websocket_redis_refused(redis, "ROLE", value)
        && !ngx_websocket_resp_is(ngx_websocket_resp_at(value, 0), "master"))
    {
        ngx_http_websocket_redis_fail(redis, "it is a replica");
    }
}


static void
ngx_http_websocket_greet_info(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    (void) ngx_http_websocket_redis_identified(redis, value);
}


ngx_int_t
ngx_http_websocket_redis_identify(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_reply_pt reply)
{
    return ngx_http_websocket_greet_ask(redis, "INFO", "replication", reply);
}


ngx_int_t
ngx_http_websocket_redis_identified(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value)
{
    u_char  *p;

    static u_char  name[] = "master_replid:";

    if (ngx_http_websocket_redis_refused(redis, "INFO", value)) {
        return NGX_ERROR;
    }

    p = value->size ? ngx_strlcasestrn(value->data, value->data + value->size,
                                       name, sizeof(name) - 2)
                    : NULL;

    if (p == NULL
        || p + sizeof(name) - 1 + sizeof(redis->generation)
           > value->data + value->size)
    {
        ngx_http_websocket_redis_fail(redis, "it has no replication ID");
        return NGX_ERROR;
    }

    ngx_memcpy(redis->generation, p + sizeof(name) - 1,
               sizeof(redis->generation));
    redis->known = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_greet_loaded(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    if (ngx_http_websocket_redis_refused(redis, "SCRIPT LOAD", value)) {
        return;
    }

    if (value->size != sizeof(redis->sha[0])) {
        ngx_http_websocket_redis_fail(redis, "it does not load scripts");
        return;
    }

    ngx_memcpy(command->data, value->data, sizeof(redis->sha[0]));
}


static void
ngx_http_websocket_greet_end(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    if (ngx_http_websocket_redis_refused(redis, "PING", value)) {
        return;
    }

    ngx_http_websocket_redis_welcome(redis);
}


/* also if the connection was lost, of which the log was told already */

ngx_uint_t
ngx_http_websocket_redis_refused(ngx_http_websocket_redis_t *redis,
    const char *what, ngx_websocket_resp_value_t *value)
{
    u_char  reason[NGX_MAX_CONF_ERRSTR];

    if (value == NULL) {
        return 1;
    }

    if (value->type != NGX_WEBSOCKET_RESP_REFUSED) {
        return 0;
    }

    /* the server's words have no secret: it repeats no argument of AUTH */

    (void) ngx_snprintf(reason, sizeof(reason), "%s: %*s%Z", what,
                        ngx_min(value->size, 200), value->data);

    ngx_http_websocket_redis_fail(redis, (char *) reason);

    return 1;
}
