# What nginx -t says of configurations that are wrong, and of some that are
# not: the table at the end, see "Configurations" in t/README.md.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use Test::More;
use Test::Nginx::WebSocket::Token qw(make_keys write_file);

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $port = $ENV{TEST_NGINX_PORT} || 1984;
my $root = tempdir(CLEANUP => 1);

my $preload = join ' ', grep { defined } @ENV{qw(TEST_NGINX_LD_PRELOAD
                                                 LD_PRELOAD)};
my $command = "PATH=\$PATH:/usr/sbin LD_PRELOAD='$preload' '$nginx' -t"
              . " -p $root/ -c nginx.conf -e logs/error.log";

my %texts = (
    ROOT => $root,
    PORT => $port,
    LONG_NAME => 'x' x 65,
    LARGE_KEY => 'k' x 65537,
    LARGE_SPACE => ' ' x 262144,
    VIEWS => join(' ', map { "view v$_ a;" } 1 .. 128),
    JSON_VIEWS => join(',', map { qq("v$_":["a"]) } 1 .. 128),
);

mkdir "$root/$_" for qw(logs temp);
make_keys("$root/keys");
write_file("$root/keys/empty", '');
write_file("$root/keys/$_->[0]", $_->[1])
    for ['api', 'k' x 16], ['api_all', 'k' x 16], ['api_short', "\nshort"],
        ['api_none', "\n"];
chmod 0600, map { "$root/keys/$_" } qw(api api_short api_none);

my @rows = rows(<DATA>);

plan(tests => scalar @rows);
check($_) for @rows;


# Each row: the texts of places of the configuration and of files beside it,
# then, further right, the lines that nginx says.

sub rows {
    my (@rows, $row);

    for (map { s/\$([A-Z_]+)/$texts{$1}/gr } @_) {
        next if /^(?:#|$)/;

        if (/^ {8}(.*)/) {
            $row->{says}[-1] .= " $1";

        } elsif (/^ {4}(.*)/) {
            push @{ $row->{says} }, $1;

        } elsif (/^(\S+) ?(.*)/) {
            push @rows, $row = {} if !$row || $row->{says};
            push @{ $row->{$1} }, $2;
        }
    }

    return @rows;
}


sub check {
    my ($row) = @_;

    my @files = grep { /\./ } keys %{$row};

    write_file("$root/$_", join "\n", @{ $row->{$_} }) for @files;
    write_file("$root/nginx.conf", conf($row));

    my $said = `$command 2>&1`;
    my $status = $?;
    my $good = $row->{says}[-1] eq 'ok';
    my $wanted = wanted($row);

    ok($said =~ /\A$wanted\z/ && $status == ($good ? 0 : 1 << 8), name($row))
        or diag("status $status, $nginx says:\n$said");

    unlink map { "$root/$_" } @files;

    return;
}


sub name {
    my ($row) = @_;

    my @texts = map { @{ $row->{$_} // [] } } qw(http server location);
    my $name = join ' ', @texts, '-', @{ $row->{says} };

    return substr($name, 0, 1000) =~ s/#/\\#/gr;
}


# What a row has for a place is one line there: the one that nginx names.

sub conf {
    my ($row) = @_;

    my $modules = join '', map { "load_module $_; " }
                           split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join ' ', map { "${_}_temp_path temp/$_;" }
                         qw(client_body proxy fastcgi uwsgi scgi);
    my ($http, $server, $location) =
        map { join ' ', @{ $row->{$_} // [] } } qw(http server location);

    $http = "websocket_zone zone=live:1m; $http"
        if $http !~ /websocket_zone / && !$row->{zoneless};

    return <<"CONF";
$modules $user error_log logs/error.log notice; pid logs/nginx.pid;
events { }
http {
    access_log logs/access.log; $temp
$http
    server {
        listen 127.0.0.1:$port;
$server
        location = /x {
$location
        }
    }
}
CONF
}


# A pattern for all that nginx says.

sub wanted {
    my ($row) = @_;

    my %number = (http => 5, server => 8, location => 10);
    my $numbers = join '|', map { $number{$_} // () } keys %{$row};
    my $conf = quotemeta "$root/nginx.conf";
    my ($said, $end) = ('', 'test failed');

    for my $line (@{ $row->{says} }) {
        if ($line eq 'ok') {
            $said .= "nginx: the configuration file $conf syntax is ok\n";
            $end = 'test is successful';
            next;
        }

        my ($level, $text, $nowhere) =
            $line =~ /^(?:\[(\w+)\] )?(.*?)( in no place)?$/;
        my $pattern = join '.+', map { quotemeta } split /\.{3}/, $text, -1;

        $said .= sprintf "nginx: \\[%s\\] %s%s\n", $level // 'emerg', $pattern,
                         $nowhere ? '' : " in $conf:(?:$numbers)";
    }

    return $said . "nginx: configuration file $conf $end\n";
}


__DATA__

# every directive, in every place where it may stand

http websocket_zone zone=live:1m inactive=30s; websocket_zone zone=other:64k;
http websocket_channel "all"; websocket_history length=10 time=1m max=8g;
http websocket_own_messages off; websocket_subprotocols chat superchat;
http websocket_heartbeat interval=20s timeout=5s; websocket_idle_timeout 10m;
http websocket_send_timeout 3s; websocket_close_timeout 2s; websocket_drain 1s;
http websocket_max_message_size 16k;
http websocket_send_queue messages=16 size=64k overflow=close;
server websocket_channel "server/$arg_a" "$uri"; websocket_history length=0;
server websocket_heartbeat off; websocket_idle_timeout off;
server location = /b {
server     websocket_set_decoded $room $arg_room;
server     websocket pubsub zone=live; websocket_channel "$room";
server     websocket_heartbeat interval=1s;
server }
server location = /r { websocket subscribe zone=other; }
server location = /p { websocket publish zone=live; }
server location = /e { websocket echo; }
server location = /publish {
server     websocket_publish zone=live; websocket_channel x;
server     client_max_body_size 1k;
server }
    ok

# a zone may be defined after the location that uses it
http server {
http     listen 127.0.0.1:$PORT; server_name other;
http     location = /ws { websocket subscribe zone=late; }
http }
http websocket_zone zone=late:1m;
    ok

# what is warned of where it stands in the location itself
http websocket_type m { field a string required; }
server location = /pub { websocket_publish; websocket_inbound_type m; }
server location = /echo { websocket echo; websocket_filter on; }
server location = /both {
server     websocket pubsub; websocket_inbound_type m; websocket_collect on;
server }
    [warn] "websocket_inbound_type" checks nothing with "websocket_publish":
        "websocket_outbound_type" does
    [warn] "websocket_filter" filters nothing where nothing is sent to
        subscribers
    [warn] "websocket_collect" answers with "websocket publish" only
    ok

# and not where all locations have it
http websocket_type m { field a string required; } websocket_inbound_type m;
http websocket_filter on; websocket_collect on;
server location = /pub { websocket_publish; }
server location = /payload { websocket publish; }
server location = /both { websocket pubsub; }
    ok

# zones

http websocket_zone zone=live;
    invalid parameter "zone=live": zone=NAME:SIZE is required
http websocket_zone zone=live:big;
    invalid parameter "zone=live:big": the size is not a number with k or m
http websocket_zone zone=live:32k;
    invalid parameter "zone=live:32k": the zone is too small: 64k is the least
http websocket_zone zone=live:1m; websocket_zone zone=live:1m;
    websocket zone "live" is already defined
http websocket_zone zone=live:1m colour=red;
    invalid parameter "colour=red", none of zone=, inactive=, broker=, default,
        file=, snapshot=
http websocket_zone zone=live:1m snapshot=5s;
    invalid parameter "snapshot=5s": there is no file=
http websocket_zone zone=live:1m file=/x snapshot=10ms;
    invalid parameter "snapshot=10ms": not a time of at least 1s
http websocket_zone zone=live:1m file=;
    invalid parameter "file=": it names no file
http websocket_zone zone=live:1m file=/x; websocket_zone zone=more:1m file=/x;
    invalid parameter "file=/x": another zone has it
http websocket_zone zone=live:1m file=/x broker=b;
    invalid parameter "file=/x": what has a broker has no file
http websocket_durable disk; websocket_zone zone=live:1m;
    "websocket_durable" directive is neither "memory" nor "file"
http websocket_durable file wait=0; websocket_zone zone=live:1m;
    invalid parameter "wait=0": not a time of 1ms to 60s
location websocket_publish; websocket_channel a; websocket_durable file;
    "websocket_durable file" needs a file on a disk, and "websocket_zone" "live"
        has no "file="
http websocket_zone zone=live:1m zone=live:2m;
    invalid parameter "zone=live:1m": given twice
http websocket_zone zone=live:1m inactive=soon;
    invalid parameter "inactive=soon": not a time
server websocket_zone zone=a:1m;
    "websocket_zone" directive is not allowed here
http websocket_zone zone=:1m;
    invalid parameter "zone=:1m": zone=NAME:SIZE is required
http websocket_zone zone=live:;
    invalid parameter "zone=live:": the size is not a number with k or m
http websocket_zone inactive=1s;
    invalid parameter "zone=": zone=NAME:SIZE is required
http websocket_zone zone=live:1m inactive=;
    invalid parameter "inactive=": not a time
http websocket_zone zone=live:1m broker=b;
    websocket broker "b" is not defined
http websocket_broker b redis://127.0.0.1; websocket_broker b redis://127.0.0.1;
    websocket broker "b" is already defined
http websocket_broker b redis://127.0.0.1; websocket_zone zone=y:1m broker=b; websocket_zone zone=z:1m broker=b;
    websocket broker "b" is used by two zones: define another one, with another
        prefix=,
http websocket_broker b;
    invalid number of arguments in "websocket_broker" directive
http websocket_broker b http://127.0.0.1;
    invalid broker "http://127.0.0.1": it does not begin with redis://,
        rediss:// or unix:
http websocket_broker b redis://user:pass@127.0.0.1;
    the URL of broker "b" has a "@": use user= and password_file=
http websocket_broker b redis://127.0.0.1/3;
    invalid broker "redis://127.0.0.1/3": there is no path in it
http websocket_broker b redis://127.0.0.1:99999;
    invalid broker "redis://127.0.0.1:99999": invalid port
http websocket_broker b redis://127.0.0.1 prefix=;
    invalid parameter "prefix=": it is of 1 to 64 bytes
http websocket_broker b redis://127.0.0.1 away=later;
    invalid parameter "away=later": it is "wait" or "refuse"
http websocket_broker b redis://127.0.0.1 deaf=quiet;
    invalid parameter "deaf=quiet": it is "close" or "stay"
http websocket_broker b redis://127.0.0.1 wait=0;
    invalid parameter "wait=0": not a time above zero
http websocket_broker b redis://127.0.0.1 user=me;
    invalid parameter "user=me": there is no password_file=
http websocket_broker b redis://127.0.0.1 password_file=/nowhere;
    open() "/nowhere" failed (2: No such file or directory)
http websocket_broker b redis://127.0.0.1 trusted_certificate=/nowhere;
    invalid parameter "trusted_certificate=/nowhere": the URL is not rediss://
http websocket_broker b redis://127.0.0.1 colour=red;
    invalid parameter "colour=red", none of prefix=, password_file=,
        user=, trusted_certificate=, away=, deaf=, wait=, sentinel=,
        sentinel_password_file=, sentinel_user=, ssl_name=
http websocket_broker b redis://127.0.0.1 redis://127.0.0.2;
    broker "b" has several URLs: they are for Sentinels, with sentinel=
http websocket_broker b redis://127.0.0.1 redis://127.0.0.2 sentinel=;
    invalid parameter "sentinel=": it is empty
http websocket_broker b rediss://127.0.0.1 redis://127.0.0.2 sentinel=main;
    invalid broker "redis://127.0.0.2": all URLs are rediss://, or none is
http websocket_broker b redis://127.0.0.1 sentinel_user=me;
    invalid parameter "sentinel_user=me": there is no sentinel=
http websocket_broker b redis://127.0.0.1 sentinel_password_file=/nowhere;
    invalid parameter "sentinel_password_file=/nowhere": there is no sentinel=
http websocket_broker b redis://127.0.0.1 sentinel=main sentinel_user=me;
    invalid parameter "sentinel_user=me": there is no password_file=
http websocket_broker b redis://127.0.0.1 ssl_name=x;
    invalid parameter "ssl_name=x": the URL is not rediss://
http websocket_broker b rediss://127.0.0.1 ssl_name=;
    invalid parameter "ssl_name=": it is empty
http websocket_broker b redis://no.such.invalid; websocket_zone zone=live:1m broker=b;
    invalid broker "redis://no.such.invalid": host not found
http websocket_zone zone=live:1048577m;
    invalid parameter "zone=live:1048577m": the zone is too large: 1048576m is
        the most

# locations

location websocket duplex;
    invalid mode "duplex", it must be "pubsub", "subscribe", "publish",
        "echo", or "centrifuge"
zoneless
location websocket subscribe;
    "websocket": no "websocket_zone" is defined in the http block, as in
        "websocket_zone zone=x:16m"
location websocket subscribe zone=b;
    "websocket": no "websocket_zone" has the name "b"
location websocket subscribe; websocket_publish;
    "websocket_publish" directive cannot stand in one location with "websocket"
location websocket subscribe; websocket echo;
    "websocket" directive is duplicate
location websocket subscribe a;
    invalid parameter "a", zone=NAME is expected
location websocket Result;
    invalid mode "Result", it must be "pubsub", "subscribe", "publish",
        "echo", or "centrifuge"
location websocket subscribe zone=;
    invalid parameter "zone=", zone=NAME is expected
location websocket subscribe zone=live zone=live;
    invalid number of arguments in "websocket" directive
location websocket echo zone=other;
    "websocket": no "websocket_zone" has the name "other"
server websocket subscribe;
    "websocket" directive is not allowed here
location if ($arg_a) { websocket subscribe; }
    "websocket" directive is not allowed here
location websocket_publish; websocket subscribe;
    "websocket" directive cannot stand in one location with "websocket_publish"
location websocket subscribe; proxy_pass http://127.0.0.1:1;
    "websocket": another directive of this location, such as "proxy_pass",
        answers its requests
http websocket_zone zone=a:1m; websocket_zone zone=b:1m;
location websocket_publish;
    "websocket_publish": there are several zones: say which by zone=NAME, or
        mark one "default"
http websocket_zone zone=a:1m default; websocket_zone zone=b:1m;
location websocket_publish;
    ok
http websocket_zone zone=a:1m default; websocket_zone zone=b:1m default;
    invalid parameter "default": another zone is the default
http websocket_zone zone=a:1m default=1;
    invalid parameter "default=1": it takes no value
location websocket_publish; websocket_publish;
    "websocket_publish" directive is duplicate
location websocket_publish live;
    invalid parameter "live", zone=NAME is expected
location proxy_pass http://127.0.0.1:1; websocket_publish; stub_status;
    "websocket_publish": another directive of this location, such as
        "proxy_pass", answers its requests

# channels

location websocket_publish; websocket_channel a b;
    "websocket_publish": one "websocket_channel" name can stand here, for a
        message is published whole or not at all
location websocket_publish; websocket_channel "";
    an empty channel name
http websocket_channel a b;
location websocket_publish;
    "websocket_publish": one "websocket_channel" name can stand here, for a
        message is published whole or not at all
server websocket_channel a; websocket_channel b;
    "websocket_channel" directive is duplicate
location websocket subscribe; websocket_channel "room/$nope";
    unknown "nope" variable in no place
location websocket subscribe; websocket_channel x empty=yes;
    invalid parameter "empty=yes": it can only be "empty=allowed", behind the
        names
location websocket subscribe; websocket_channel empty=allowed;
    "websocket_channel" directive needs a channel's name
server websocket_set_decoded room $arg_room;
    invalid variable name "room"
server websocket_set_decoded $room;
    invalid number of arguments in "websocket_set_decoded" directive
http websocket_set_decoded $room $arg_room;
    "websocket_set_decoded" directive is not allowed here

http websocket_ack maybe;
    invalid value "maybe"
http websocket_ack on; websocket_ack off;
    "websocket_ack" directive is duplicate
location websocket subscribe; websocket_ack on;
    [warn] "websocket_ack" acknowledges what clients send on sockets only
    ok
location websocket_publish; websocket_ack on;
    [warn] "websocket_ack" acknowledges what clients send on sockets only
    ok
location websocket echo; websocket_ack ask;
    ok

# history, and what of it is sent

http websocket_history time=10m;
    invalid parameter "length=": length=NUMBER is required
http websocket_history length=10 time=0;
    invalid parameter "time=0": not a time of a second or more
http websocket_history length=-1;
    invalid parameter "length=-1": length=NUMBER is required
http websocket_history length=99999999999;
    invalid parameter "length=99999999999": length=NUMBER is required
http websocket_history length=many;
    invalid parameter "length=many": length=NUMBER is required
http websocket_history length=;
    invalid parameter "length=": length=NUMBER is required
http websocket_history length=1 time=500ms;
    invalid parameter "time=500ms": not a time of a second or more
http websocket_history length=1 length=2;
    invalid parameter "length=1": given twice
http websocket_history length=1; websocket_history length=2;
    "websocket_history" directive is duplicate
http websocket_history length=1 size=1k;
    invalid parameter "size=1k", none of length=, time=, max=, except=
http websocket_history length=1 except=typing;
    invalid parameter "except=typing": not FIELD:VALUE, or several values with
        "|"
http websocket_history length=1 except=:typing;
    invalid parameter "except=:typing": not FIELD:VALUE, or several values
        with "|"
http websocket_history length=1 except=type:;
    invalid parameter "except=type:": a value is empty
http websocket_history length=1 except=type:a||b;
    invalid parameter "except=type:a||b": a value is empty
http websocket_history except=type:typing;
    invalid parameter "length=": length=NUMBER is required
http websocket_history length=1 except=type:typing|cursor;
    ok
http websocket_history length=1 max=0;
    invalid parameter "max=0": not a size above zero
http websocket_history length=1 max=much;
    invalid parameter "max=much": not a size above zero
http websocket_history length=1 max=1025g;
    invalid parameter "max=1025g": not a size above zero
http websocket_replay some;
    invalid value "some", it must be "none", "all", or a number of messages
http websocket_replay -1;
    invalid value "-1", it must be "none", "all", or a number of messages
http websocket_replay 99999999999;
    invalid value "99999999999", it must be "none", "all", or a number of
        messages
http websocket_replay all; websocket_replay all;
    "websocket_replay" directive is duplicate
http websocket_own_messages maybe;
    invalid value "maybe" in "websocket_own_messages" directive, it must be
        "on" or "off"

# presence

http websocket_presence all;
    invalid value "all", it must be "on" or "off"
http websocket_presence on from=;
    invalid parameter "from=", from=VALUE is expected
http websocket_presence on $arg_name;
    invalid parameter "$arg_name", from=VALUE is expected
http websocket_presence on from=$nope;
    unknown "nope" variable in no place
http websocket_presence on; websocket_presence on;
    "websocket_presence" directive is duplicate
http websocket_events arrive;
    invalid value "arrive", it must be "join", "leave", "history=off",
        "channel=NAME", "delay=TIME", or "off"
http websocket_events join leave history=on;
    invalid value "history=on", it must be "join", "leave", "history=off",
        "channel=NAME", "delay=TIME", or "off"
http websocket_events history=off;
    "history=off" needs "join" or "leave"
http websocket_events channel=;
    invalid parameter "channel=": a channel's name without variables, of 1 to
        240 bytes, is expected
http websocket_events join channel=a$uri;
    invalid parameter "channel=a$uri": a channel's name without variables, of
        1 to 240 bytes, is expected
http websocket_events channel=a;
    "channel=" needs "join" or "leave"
http websocket_events delay=1s;
    "delay=" needs "join" or "leave"
http websocket_events join delay=1s;
    "delay=" needs "leave"
http websocket_events leave delay=0;
    invalid parameter "delay=0": a time above zero, of 1m at most, is expected
http websocket_events leave delay=2m;
    invalid parameter "delay=2m": a time above zero, of 1m at most, is expected
http websocket_events off channel=a;
    "off" stands alone
http websocket_events off join;
    "off" stands alone
http websocket_events join; websocket_events leave;
    "websocket_events" directive is duplicate

# subprotocols

http websocket_subprotocols "chat room";
    invalid subprotocol "chat room": a name has no spaces, separators or
        control characters
http websocket_subprotocols chat "";
    invalid subprotocol "": a name has no spaces, separators or control
        characters
http websocket_subprotocols a; websocket_subprotocols b;
    "websocket_subprotocols" directive is duplicate

# times

http websocket_heartbeat interval=0;
    invalid parameter "interval=0": not a time above zero
http websocket_heartbeat on;
    invalid parameter "on", none of interval=, timeout=, max=, visible
http websocket_heartbeat interval=1s timeout=0;
    invalid parameter "timeout=0": not a time above zero
http websocket_heartbeat interval=often;
    invalid parameter "interval=often": not a time above zero
http websocket_heartbeat off interval=1s;
    invalid parameter "off", none of interval=, timeout=, max=, visible
http websocket_heartbeat interval=$arg_a;
    invalid parameter "interval=$arg_a": with variables max= is needed
http websocket_heartbeat interval=$nothing max=1m;
    unknown "nothing" variable in no place
http websocket_heartbeat interval=10s max=5s;
    invalid parameter "max=5s": less than the interval
http websocket_heartbeat max=never;
    invalid parameter "max=never": not a time above zero
http websocket_heartbeat max=21d;
    invalid parameter "max=21d": is too long: 20d is the most
http websocket_heartbeat visible=yes;
    invalid parameter "visible=yes": "visible" has no value
http websocket_heartbeat visible; websocket_heartbeat max=1m;
    "websocket_heartbeat" directive is duplicate
http websocket_heartbeat interval=$arg_a timeout=5s max=10m visible;
    ok
http websocket_heartbeat off; websocket_heartbeat interval=1s;
    "websocket_heartbeat" directive is duplicate
http websocket_idle_timeout off; websocket_idle_timeout off;
    "websocket_idle_timeout" directive is duplicate
http websocket_idle_timeout never;
    "websocket_idle_timeout" directive invalid value
http websocket_send_timeout off;
    "websocket_send_timeout" directive invalid value
http websocket_send_timeout 0;
    "websocket_send_timeout" directive must be above zero
http websocket_close_timeout off;
    "websocket_close_timeout" directive invalid value
http websocket_close_timeout 1s; websocket_close_timeout 1s;
    "websocket_close_timeout" directive is duplicate
http websocket_close_timeout 0;
    "websocket_close_timeout" directive must be above zero
http websocket_drain often;
    "websocket_drain" directive invalid value
http websocket_drain 1s; websocket_drain 1s;
    "websocket_drain" directive is duplicate

# the queue to a client

http websocket_send_queue messages=0;
    invalid parameter "messages=0": not a number above zero
http websocket_send_queue overflow=grow;
    invalid parameter "overflow=grow": it must be "close", "drop_oldest", or
        "conflate"
http websocket_send_queue size=0;
    invalid parameter "size=0": not a size above zero
http websocket_send_queue size=big;
    invalid parameter "size=big": not a size above zero
http websocket_send_queue messages=few;
    invalid parameter "messages=few": not a number above zero
http websocket_send_queue overflow=drop;
    invalid parameter "overflow=drop": it must be "close", "drop_oldest", or
        "conflate"
http websocket_send_queue 100;
    invalid parameter "100", none of messages=, size=, overflow=, key=
http websocket_send_queue messages=1; websocket_send_queue size=1k;
    "websocket_send_queue" directive is duplicate
http websocket_coalesce size=1k;
    invalid parameter "delay=": delay=TIME is required, a time above zero
http websocket_coalesce delay=0;
    invalid parameter "delay=0": delay=TIME is required, a time above zero
http websocket_coalesce size=0 delay=1ms;
    invalid parameter "size=0": not a size above zero
http websocket_coalesce on;
    invalid parameter "on", none of size=, delay=
http websocket_coalesce off; websocket_coalesce off;
    "websocket_coalesce" directive is duplicate
http websocket_coalesce delay=49d;
    invalid parameter "delay=49d": is too long: 20d is the most
http websocket_priority urgent;
    invalid value "urgent", it must be "on" or "off"
http websocket_priority on field=;
    invalid parameter "field=", field=NAME is expected
http websocket_priority on level;
    invalid parameter "level", field=NAME is expected
http websocket_priority on; websocket_priority off;
    "websocket_priority" directive is duplicate

# compression

server websocket_deflate maybe;
    invalid value "maybe", it must be "on" with parameters, or "off" alone
server websocket_deflate off level=1;
    invalid value "off", it must be "on" with parameters, or "off" alone
server websocket_deflate level=1;
    invalid value "level=1", it must be "on" with parameters, or "off" alone
server websocket_deflate;
    invalid number of arguments in "websocket_deflate" directive
server websocket_deflate on colour=red;
    invalid parameter "colour=red", none of level=, min_length=, window=,
        memory=, context_takeover=
server websocket_deflate on level=1 level=2;
    invalid parameter "level=1": given twice
server websocket_deflate on; websocket_deflate off;
    "websocket_deflate" directive is duplicate
server websocket_deflate on level=0;
    invalid parameter "level=0": not a number from 1 to 9
server websocket_deflate on level=10;
    invalid parameter "level=10": not a number from 1 to 9
server websocket_deflate on window=8;
    invalid parameter "window=8": not a number from 9 to 15
server websocket_deflate on window=16;
    invalid parameter "window=16": not a number from 9 to 15
server websocket_deflate on memory=0;
    invalid parameter "memory=0": not a number from 1 to 9
server websocket_deflate on memory=10;
    invalid parameter "memory=10": not a number from 1 to 9
server websocket_deflate on min_length=long;
    invalid parameter "min_length=long": not a number from 0 to 2147483647
server websocket_deflate on min_length=2048m;
    invalid parameter "min_length=2048m": not a number from 0 to 2147483647
server websocket_deflate on window=;
    invalid parameter "window=": not a number from 9 to 15
server websocket_deflate on context_takeover=yes;
    invalid parameter "context_takeover=yes": it must be "on" or "off"

# limits

http websocket_max_message_size 0;
    value must be between 1 and 536870912
http websocket_max_message_size 513m;
    value must be between 1 and 536870912
http websocket_max_message_size large;
    "websocket_max_message_size" directive invalid value
location websocket echo; websocket_max_fragments 0;
    value must be between 1 and 2147483647
location websocket echo; websocket_max_pings 10;
    invalid parameter "10": a rate is a number, "/" and a time, as in 10/s
location websocket echo; websocket_max_errors 10/m; websocket_max_errors off;
    "websocket_max_errors" directive is duplicate
location websocket echo; websocket_max_connections 0;
    invalid parameter "0": not a number above zero
location websocket echo; websocket_max_connections 1 keys=x;
    invalid parameter "keys=x": key=VALUE is expected
location websocket echo; websocket_max_connections 1 key=$remote_addr;
location websocket_max_connections 2 key=$remote_addr;
    "websocket_max_connections" directive has this key twice
zoneless
location websocket echo; websocket_max_connections 1;
    "websocket": no "websocket_zone" is defined in the http block, as in
        "websocket_zone zone=x:16m"
location websocket echo; websocket_max_connections off;
location websocket_max_connections 1;
    it is off already
location websocket echo; websocket_max_connections 1 key=1;
location websocket_max_connections 1 key=2; websocket_max_connections 1 key=3;
location websocket_max_connections 1 key=4; websocket_max_connections 1 key=5;
location websocket_max_connections 1 key=6; websocket_max_connections 1 key=7;
location websocket_max_connections 1 key=8; websocket_max_connections 1 key=9;
    more than 8 of these lines
location websocket echo; websocket_rate messages=10;
    invalid parameter "messages=10": a rate is a number, "/" and a time, as in
        10/s
location websocket echo; websocket_rate messages=10k\/s;
    invalid parameter "messages=10k\/s": messages and errors are numbers
        without a unit
location websocket echo; websocket_rate messages=10/s burst=0;
    invalid parameter "burst=0": a number is not from 1 to 1g
location websocket echo; websocket_rate messages=10/s action=wait;
    invalid parameter "action=wait": it must be "delay", "drop", or "close"
location websocket echo; websocket_rate 10/s;
    invalid parameter "10/s": messages=N/s, bytes=SIZE/s, or off is expected
location websocket echo; websocket_rate messages=10r/s;
    invalid parameter "messages=10r/s": a rate is a number, perhaps with k, m
        or g, "/" and a time, as in 10/s

# origins

location websocket echo; websocket_origin same example.com;
    invalid origin "example.com": an origin begins with a scheme, as in
        https://example.com
server websocket_origin https://example.com/;
    invalid origin "https://example.com/": an origin is a scheme, a host and
        perhaps a port: https://example.com:8443
server websocket_origin "~(a";
    invalid origin "~(a": ... failed: ...
server websocket_origin same; websocket_origin none;
    "websocket_origin" directive is duplicate

# tokens

server websocket_jwt alg=HS256;
    invalid parameter "key=": key=FILE is required
server websocket_jwt key=nowhere alg=HS256;
    open() "$ROOT/nowhere" failed (2: No such file or directory)
server websocket_jwt key=keys/empty alg=HS256;
    key 1 of "$ROOT/keys/empty": a secret is empty
server websocket_jwt secret=0123456789 alg=HS256;
    invalid parameter "secret=0123456789", none of key=, alg=, from=, cookie=,
        issuer=, audience=, leeway=, renew=, exp=, channels=, typ=, max_age=
server websocket_jwt key=keys/hs.key alg=none;
    invalid parameter "alg=none": it is one of HS256, HS384, HS512, RS256,
        RS384, RS512, ES256, ES384, ES512
server websocket_jwt key=keys/rsa.pub alg=HS256;
    key 1 of "$ROOT/keys/rsa.pub": HS256, HS384 and HS512 take a secret, not a
        PEM file
server websocket_jwt key=keys/rsa.pem alg=RS256;
    key 1 of "$ROOT/keys/rsa.pem": a PEM block is not one of BEGIN PUBLIC KEY
        (as written by openssl pkey -pubout, openssl x509 -pubkey)
server websocket_jwt key=keys/hs.key alg=HS256 cookie=a-b;
    invalid parameter "cookie=a-b": a cookie's name has letters, digits and
        underscores
server websocket_jwt key=keys/hs.key alg=HS256 cookie=a from=$arg_a;
    invalid parameter "cookie=a": from= is the only place
server websocket_jwt key=keys/hs.key alg=HS256 leeway=2h;
    invalid parameter "leeway=2h": not a time from 1s to 1h
server websocket_jwt key=keys/hs.key alg=HS256 exp=on;
    invalid parameter "exp=on": it can only be "required"
server websocket_jwt off; websocket_jwt key=keys/hs.key alg=HS256;
    "websocket_jwt" directive is duplicate
big.key $LARGE_KEY
server websocket_jwt key=big.key alg=HS256;
    the key file "$ROOT/big.key" is larger than 65536 bytes
location websocket echo; websocket_jwt key=keys/hs.key alg=HS256 typ=jwe;
    invalid parameter "typ=jwe": it is "at+jwt" or "JWT"
location websocket echo; websocket_require_scope read;
    "websocket": "websocket_require_scope" needs "websocket_jwt", whose token
        has the scopes
server websocket_require_scope 'a"b';
    invalid scope "a"b": a scope has no spaces, quotes or backslashes

# the API

http websocket_zone zone=a:1m;
location websocket_api key=keys/api key=keys/api zone=a;
    ok
http websocket_zone zone=a:1m;
location internal; websocket_api insecure;
    ok
http websocket_zone zone=a:1m;
location websocket_api insecure;
    "websocket_api": without a key anybody could publish: it needs "key=FILE",
        or "internal" with "insecure"
location websocket_api zone=a;
    either key=FILE or "insecure" is expected
location websocket_api insecure key=keys/api;
    either key=FILE or "insecure" is expected
location websocket_api key=keys/api_all;
    the file of keys "$ROOT/keys/api_all" can be read by all: "chmod o= FILE"
        takes that right away
location websocket_api key=keys/api_short;
    the key in line 2 of "$ROOT/keys/api_short" is shorter than 16 bytes
location websocket_api key=keys/api_none;
    the file of keys "$ROOT/keys/api_none" has no key
location websocket_api open;
    invalid parameter "open", it must be key=FILE, zone=NAME or "insecure"
location websocket_api key=keys/api; websocket_api key=keys/api;
    "websocket_api" directive is duplicate
location websocket_api key=keys/api; websocket echo;
    "websocket" directive cannot stand in one location with "websocket_api"
location websocket_api key=keys/api; websocket_status json;
    "websocket_status" directive cannot stand in one location with
        "websocket_api"
location websocket_publish; websocket_api key=keys/api;
    "websocket_api" directive cannot stand in one location with another that
        answers
location websocket_api key=keys/api; websocket_revoke time=1h;
    "websocket_revoke" directive cannot stand in one location with another that
        answers
http websocket_zone zone=a:1m;
location websocket_api key=keys/api; websocket_jwt off; websocket_presence on;
    [warn] "websocket_presence" does nothing with "websocket_api"
    ok

# revocations

location websocket_revoke time=0;
    invalid parameter "time=0", time=TIME is expected, a second or more
location websocket_revoke time=1h; websocket_publish;
    "websocket_publish" directive cannot stand in one location with
        "websocket_revoke"
location websocket echo; websocket_revoke time=1h;
    "websocket_revoke" directive cannot stand in one location with another that
        answers
location websocket_revoke time=1h; websocket_require_scope revoke;
    "websocket_revoke": "websocket_require_scope" needs "websocket_jwt", whose
        token has the scopes

# types

http websocket_type m { field a string; field b text; }
    message type "m": field "b": unknown kind "text"
http websocket_type m { field a boolean min=3; }
    message type "m": field "a": "min=" is not for kind boolean
http websocket_type m { field a string "pattern=[a-"; }
    message type "m": field "a": pattern "[a-": ... failed: ...
http websocket_type m { field a object of=n; }
http websocket_type n { field a string; }
    message type "m": field "a": unknown type "n"
http websocket_type m { field a string; }
http websocket_type m { field a string; }
    duplicate message type "m"
http websocket_type number { field a string; }
    "number" cannot be a type's name
http websocket_type off { field a string; }
    "off" cannot be a type's name
http websocket_type m { fields a string; }
    unknown directive "fields" in "websocket_type": it knows "field", "by",
        "view" and "additional"
http websocket_type m { field a string; additional text; }
    message type "m": "additional" is "on", "off" or a kind
http websocket_type m { field a string; additional object of=n; }
    message type "m": "additional": unknown type "n"
http websocket_type m { additional string required; }
    message type "m": "additional": "required" needs a field with a name
http websocket_type m { by type chat=n; }
    message type "m": "by": unknown type "n"
http websocket_type n { by type a=n; }
    message type "n": "by": unknown type "n"
http websocket_type m { field a string; view v b; }
    message type "m": view "v": field "b" is unknown
http websocket_type m { field a integer max=3 default=4; }
    message type "m": field "a": default: expected at most 3
http websocket_type m { field a string; $VIEWS }
    message type "m": more than 127 views

# types out of files

http websocket_type_file m none.json;
    open() "$ROOT/none.json" failed (2: No such file or directory)
http websocket_type_file m logs;
    [crit] pread() "$ROOT/logs" failed (21: Is a directory) in no place
    pread() "$ROOT/logs" failed (21: Is a directory)
m.json {"type":"object"}$LARGE_SPACE
http websocket_type_file m m.json;
    the schema "$ROOT/m.json" is larger than 262144 bytes
m.json {
m.json     "type": "object",
m.json     "title" "x"
m.json }
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "line 3, column 15": is not JSON: ':'
        expected near '"x"'
m.json {"type":"object","properties":{"a/b":{"type":"number","multipleOf":2}}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/properties/a~1b/multipleOf": this
        keyword is not supported
m.json {"type":"object","properties":{"value":{"type":"string","minimum":2}}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/properties/value/minimum": this
        keyword is not for kind string
m.json {"type":"array"}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "": "type" must be "object": a message
        is one
m.json {"type":"object","properties":{"a":{"type":"string","format":"ipv4"}}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/properties/a/format": field "a":
        unknown format "ipv4"
m.json {"type":"object","properties":{"a":{"type":"string","pattern":"(a"}}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/properties/a/pattern": field "a":
        pattern "(*UTF8)(?:a": ... failed: ...
m.json {"type":"object","properties":{"a":{"type":"array","items":
m.json {"type":"object","properties":{"b":{"type":"string","pattern":"a++"}}}}}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at
        "/properties/a/items/properties/b/pattern": there is nothing to repeat
m.json {"type":"object","properties":{"a":{}},"required":["a","b"]}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/required/1": must be a name of
        "properties"
m.json {"type":"object","properties":{"a":{"type":"object","x-type":"none"}}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/properties/a/x-type": field "a":
        unknown type "none"
m.json {"type":"object"}
http websocket_type m { field a string; } websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "": duplicate message type "m"
m.json {"type":"object","properties":{"a":{"type":"object","properties":{}}}}
http websocket_type_file m m.json; websocket_type m.a { field a string; }
    duplicate message type "m.a"
m.json {"type":"object"}
http websocket_type_file off m.json;
    message type "off": "$ROOT/m.json" at "": "off" cannot be a type's name
m.json {"type":"object","additionalProperties":false,"x-views":{"v":["a"]}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/x-views/v": view "v": field "a" is
        unknown
m.json {"type":"object","x-views":{$JSON_VIEWS}}
http websocket_type_file m m.json;
    message type "m": "$ROOT/m.json" at "/x-views/v128": more than 127 views
server websocket_type_file m m.json;
    "websocket_type_file" directive is not allowed here

# where types are used

location websocket pubsub; websocket_inbound_type nothing;
    "websocket_inbound_type": no "websocket_type" has the name "nothing"
http websocket_type m { field a string; }
location websocket pubsub; websocket_inbound_type m violations=ignore;
    invalid parameter "violations=ignore": violations=report or close, depth=
        of 1 to 128, values= of 1 to 1000000 are known
http websocket_type m { field a string; }
location websocket pubsub; websocket_inbound_type m; websocket_inbound_type m;
    "websocket_inbound_type" directive is duplicate
http websocket_type m { field a string; }
location websocket_publish; websocket_outbound_type m depth=129;
    invalid parameter "depth=129": depth= of 1 to 128, values= of 1 to 1000000
        are known
http websocket_type m { field a string; }
location websocket_publish; websocket_outbound_type m violations=close;
    invalid parameter "violations=close": depth= of 1 to 128, values= of 1 to
        1000000 are known
location websocket pubsub; websocket_outbound_type off violations=close;
    "websocket_outbound_type" directive has "off" alone
http websocket_type m { field a string; }
location websocket pubsub; websocket_inbound_type by=type chat=m depth=129;
    invalid parameter "depth=129": violations=report or close, depth= of 1 to
        128, values= of 1 to 1000000 are known
http websocket_type m { field a string; }
location websocket pubsub; websocket_inbound_type by=type chat=m join=n;
    "websocket_inbound_type": "by": unknown type "n"
location websocket pubsub; websocket_inbound_type by=type;
    "websocket_inbound_type": "by" is FIELD WORD=TYPE ...

# views

location websocket subscribe; websocket_view summary;
    "websocket": "websocket_view" needs "websocket_outbound_type" or
        "websocket_inbound_type", whose type has the views
http websocket_type m { field a string; field b number; view v b; }
location websocket_publish; websocket_outbound_type m; websocket_view w;
    "websocket_publish": type "m" has no view "w", which "websocket_view" says

# replay

location websocket subscribe; websocket_replay all once;
    invalid parameter "once", it may be "only"
location websocket subscribe; websocket_replay none only;
    invalid parameter "only": there is nothing to replay

# conflation

location websocket subscribe; websocket_send_queue overflow=drop_oldest key=a;
    invalid parameter "key=a": it goes with overflow=conflate
http websocket_send_queue overflow=conflate key=a;
location websocket subscribe; websocket_send_queue overflow=conflate key=b;
    invalid parameter "key=b": another directive has another key, and there can
        be one

# filters

location websocket subscribe; websocket_filter maybe;
    invalid value "maybe", it must be "on" or "off"
location websocket subscribe; websocket_filter on replay=some;
    invalid value "some", it must be "none", "all", or a number of messages
location websocket subscribe; websocket_filter on form=naked;
    invalid parameter "form=naked": it is "wrapped" or "bare"
location websocket subscribe; websocket_filter off form=bare;
    "websocket_filter" directive has "off" alone
location websocket subscribe; websocket_filter off replay=1;
    "websocket_filter" directive has "off" alone
location websocket subscribe; websocket_filter on; websocket_filter on;
    "websocket_filter" directive is duplicate

# what the server adds

location websocket subscribe; websocket_stamp time;
    [warn] "websocket_stamp" stamps nothing where nothing is published
    ok
location websocket pubsub; websocket_stamp time number;
    invalid field "number", it must be "from", "from=VALUE", "time",
        "sequence", "channel", or "length=FIELD", with "NAME:" before it for
        another name
location websocket pubsub; websocket_stamp a:time b:time c:time d:time;
    duplicate field "d"
location websocket pubsub; websocket_stamp length;
    invalid field "length", it must be "from", "from=VALUE", "time",
        "sequence", "channel", or "length=FIELD", with "NAME:" before it for
        another name
location websocket pubsub; websocket_stamp from from=$arg_a;
    duplicate field "from"
location websocket pubsub; websocket_stamp from=$nothing;
    unknown "nothing" variable in no place
location websocket pubsub; websocket_stamp channel at:channel;
    duplicate field "at"
location websocket pubsub; websocket_stamp At:time at:channel;
    duplicate field "at"
location websocket pubsub; websocket_stamp "a b:time";
    invalid name "a b" of a field, it must be up to 64 letters, digits, "_",
        "-", and "."
location websocket pubsub; websocket_stamp :time;
    invalid name "" of a field, it must be up to 64 letters, digits, "_", "-",
        and "."
location websocket pubsub; websocket_stamp $LONG_NAME:time;
    invalid name "$LONG_NAME" of a field, it must be up to 64 letters, digits,
        "_", "-", and "."
location websocket pubsub; websocket_stamp time=now;
    invalid field "time=now", it must be "from", "from=VALUE", "time",
        "sequence", "channel", or "length=FIELD", with "NAME:" before it for another
        name
location websocket pubsub; websocket_stamp from=;
    invalid field "from=", it must be "from", "from=VALUE", "time", "sequence",
        "channel", or "length=FIELD", with "NAME:" before it for another name

# answers of what is collected

http websocket_type m { field a number; }
location websocket publish; websocket_inbound_type m; websocket_stamp sequence;
location websocket_collect on;
    "websocket": "websocket_collect" cannot go with a "sequence" of
        "websocket_stamp"
location websocket publish; websocket_collect on;
    "websocket": "websocket_collect" needs "websocket_inbound_type"
http websocket_type m { field a string; }
location websocket publish; websocket_inbound_type m; websocket_collect on view=v;
    "websocket": type "m" has no view "v", which "websocket_collect" says
location websocket publish; websocket_collect on max=lots;
    invalid parameter "max=lots", view=NAME and max=SIZE are known
location websocket publish; websocket_collect yes;
    "websocket_collect" directive is "on" with parameters, or "off" alone

# status and logs

location websocket subscribe; websocket_status json;
    "websocket_status" directive cannot stand in one location with "websocket",
        "websocket_publish" or "websocket_revoke"
location websocket_status json; websocket_publish;
    "websocket_publish" directive cannot stand in one location with
        "websocket_status"
location websocket_status json; websocket_status json;
    "websocket_status" directive is duplicate
location websocket_status xml;
    invalid format "xml", it must be "json", "prometheus", or "health"
server websocket_status json;
    "websocket_status" directive is not allowed here
server websocket_jwt key=keys/hs.key alg=HS256 max_age=2y;
    invalid parameter "max_age=2y": not a time from 1s to 1y
server websocket_user a; websocket_user b;
    "websocket_user" directive is duplicate
server websocket_user $nothing;
    unknown "nothing" variable in no place
server websocket_expires a; websocket_expires b;
    "websocket_expires" directive is duplicate
server websocket_mask a b=;
    invalid name "b=": that of an argument, without "=", is expected
server websocket_mask "";
    invalid name "": that of an argument, without "=", is expected
server websocket_mask a; websocket_mask off;
    "websocket_mask" directive is duplicate
server websocket_hook leave /_app;
    invalid event "leave", none of connect, subscribe, message
server websocket_hook connect;
    invalid number of arguments in "websocket_hook" directive
server websocket_hook connect /_app; websocket_hook connect /_app;
    "websocket_hook connect" is duplicate
server websocket_hook connect http://app/;
    invalid URI "http://app/": a hook's begins with "/", has no variables, and
        is one of this server; or "off"
server websocket_hook connect /$arg_a;
    invalid URI "/$arg_a": a hook's begins with "/", has no variables, and is
        one of this server; or "off"
server websocket_hook connect /_app timeout=0;
    invalid parameter "timeout=0": not a time above zero
server websocket_hook connect /_app timeout=30d;
    invalid parameter "timeout=30d": is too long: 20d is the most
server websocket_hook connect /_app mode=decide;
    invalid parameter "mode=decide": only of "message"
server websocket_hook message /_app mode=notice;
    invalid parameter "mode=notice": neither decide nor answer
server websocket_hook connect /_app match=a:b;
    invalid parameter "match=a:b": only of "message"
server websocket_hook message /_app match=a;
    invalid parameter "match=a": not FIELD:VALUE
server websocket_hook message /_app fail=ajar;
    invalid parameter "fail=ajar": neither closed nor open
server websocket_hook message /_app mode=answer fail=open;
    invalid parameter "fail=open": without an answer there is none to give
server websocket_hook message /_app max=0;
    invalid parameter "max=0": not a number from 1 to 65535
server websocket_hook message /_app off;
    invalid parameter "off", none of timeout=, mode=, match=, fail=, max=,
        queue=
server websocket_hook message /_app; websocket_hook message off;
    "websocket_hook message" is duplicate
server websocket_hook message /_app; websocket_hook message /_b mode=answer;
    ok
location websocket centrifuge; websocket_hook connect /_app;
    ok
server websocket_hook message /_app queue=65536;
    invalid parameter "queue=65536": not a number from 0 to 65535
server websocket_hook message /_app retries=3;
    invalid parameter "retries=3", none of timeout=, mode=, match=, fail=,
        max=, queue=
location websocket pubsub; websocket_hook message /x;
    "websocket_hook message": its target "/x" is a stream itself, or publishes,
        where it must be a location that asks an application
server websocket_refuse with;
    invalid value "with"
server websocket_refuse close; websocket_refuse close;
    "websocket_refuse" directive is duplicate
server websocket_access_log both;
    invalid value "both"
server websocket_access_log end; websocket_access_log start;
    "websocket_access_log" directive is duplicate

# namespaces, and Centrifugo's protocol

http websocket_namespace chat { history length=10 time=5m max=1m; recovery force; }
http websocket_namespace news { history length=10; positioning allow; presence on;
http events join leave push; subscribe client; publish subscriber anonymous;
http history_access client subscriber anonymous; presence_access client; users on;
http pattern ^[a-z]+$; filter tags; delta fossil; }
http websocket_namespace last { history length=1; recovery force cache auto; }
location websocket centrifuge; websocket_anonymous on; websocket_max_channels 10;
location websocket_connect_timeout 1s; websocket_token_grace 1s;
    ok
location websocket centrifuge;
    "websocket": nobody could connect with "centrifuge": it needs "websocket_jwt",
        "websocket_anonymous on", "websocket_insecure on" or
        "websocket_hook connect"
location websocket centrifuge; websocket_insecure on;
    ok
location websocket centrifuge; websocket_jwt key=keys/hs.key alg=HS256;
    ok
location websocket centrifuge; websocket_insecure on; websocket_transports uni_sse;
    invalid value "uni_sse"
location websocket_emulation; websocket_emulation;
    "websocket_emulation" directive is duplicate
location websocket echo; websocket_emulation;
    "websocket_emulation" directive cannot stand in one location with another
        that answers
location websocket_emulation; websocket echo;
    "websocket" directive cannot stand in one location with
        "websocket_emulation"
location websocket_emulation; websocket_status json;
    "websocket_status" directive cannot stand in one location with "websocket",
        "websocket_publish" or "websocket_revoke"
location websocket_emulation; websocket_revoke time=1h;
    "websocket_revoke" directive cannot stand in one location with another that
        answers
location websocket_emulation zone=none;
    "websocket_emulation": no "websocket_zone" has the name "none"
location websocket centrifuge; websocket_insecure perhaps;
    invalid value "perhaps" in "websocket_insecure" directive, it must be "on"
        or "off"
server websocket_max_channels 0;
    value must be between 1 and 10000
server websocket_connect_timeout 0;
    "websocket_connect_timeout" directive must be above zero
http websocket_namespace a { }
    invalid name "a" of a namespace: it is of two or more letters, digits, "_"
        and "-"
http websocket_namespace a:b { }
    invalid name "a:b" of a namespace: it is of two or more letters, digits,
        "_" and "-"
http websocket_namespace aa { }
http websocket_namespace aa { }
    duplicate namespace "aa"
server websocket_namespace aa { }
    "websocket_namespace" directive is not allowed here
http websocket_namespace aa { keep all; }
    unknown directive "keep" in "websocket_namespace", none of history,
        recovery, positioning, presence, events, subscribe, publish,
        history_access, presence_access, users, pattern, filter, delta
http websocket_namespace aa { users on; users off; }
    "users" is duplicate
http websocket_namespace aa { users; }
    invalid number of arguments in "users"
http websocket_namespace aa { subscribe client anonymous client; }
    invalid number of arguments in "subscribe"
http websocket_namespace aa { users 7; }
    invalid value "7", it must be "on" or "off"
http websocket_namespace aa { history length=0; }
    "history" of no length: leave it out
http websocket_namespace aa { history length=5 except=a:b; }
    invalid parameter "except=a:b", none of length=, time=, max=
http websocket_namespace aa { recovery force; }
    namespace "aa": "recovery" and "positioning" need a "history"
http websocket_namespace aa { history_access client; }
    namespace "aa": "history_access" needs a "history"
http websocket_namespace aa { presence_access client; }
    namespace "aa": "presence_access" needs "presence on"
http websocket_namespace aa { events push; }
    "push" needs "join" or "leave"
http websocket_namespace aa { history length=5; recovery on; }
    invalid value "on" in "recovery": it must be, once, one of "allow", "force",
        "cache", "auto"
http websocket_namespace aa { history length=5; recovery cache; }
    "recovery" needs "allow" or "force"
http websocket_namespace aa { history length=5; recovery force allow; }
    "allow" and "force" exclude each other
http websocket_namespace aa { history length=5; recovery force auto; }
    "auto" needs "cache"
http websocket_namespace aa { filter fields; }
    invalid value "fields" in "filter": it must be, once, one of "tags"
http websocket_namespace aa { delta zip; }
    invalid value "zip" in "delta": it must be, once, one of "fossil"
http websocket_namespace aa { publish client client; }
    invalid value "client" in "publish": it must be, once, one of "client",
        "subscriber", "anonymous"
http websocket_namespace aa { publish anonymous; }
    "anonymous" stands beside "client" or "subscriber"
http websocket_namespace aa { subscribe anonymous; }
    "anonymous" stands beside "client"
http websocket_namespace aa { subscribe subscriber; }
    "subscriber" cannot be who may subscribe
http websocket_namespace aa { pattern (; }
    invalid pattern "(": ...
