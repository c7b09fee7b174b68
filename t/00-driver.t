# The driver itself, with an nginx that has none of our modules: that its
# assertions hold where they should, and fail where they should.

use lib 't/lib';
use Test::Nginx::WebSocket;

BEGIN { delete $ENV{TEST_NGINX_LOAD_MODULES} }

use Digest::SHA qw(sha1_base64);
use File::Temp qw(tempdir);
use IO::Socket::INET ();
use POSIX ();
use Test::More ();

use Test::Nginx::WebSocket::Frame qw(encode_frame is_utf8);

our ($Port, $Server) = fake_server();

$ENV{TEST_NGINX_FAKE_PORT} = $Port;

END {
    local $?;
    if ($Server && $$ == $main::Pid) {
        kill 'TERM', $Server;
        waitpid $Server, 0;
    }
}

our $Pid = $$;
our $ChildTimeout = 10;         # seconds, of what waits in a child


# A server: /hex/BYTES and /deflate/BYTES answer 101 and send the bytes,
# /cut/BYTES closes then, /echo sends the payload of each frame back, /wrong
# has a wrong Sec-WebSocket-Accept, /chunks a chunked body in two parts.

sub fake_server {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
        or die "no server: $!";
    my $pid = fork // die "fork: $!";

    return ($listen->sockport, $pid) if $pid;

    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    while (my $c = $listen->accept) {
        next if fork;
        close $listen;
        answer($c);
        close $c;
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}


sub answer {
    my ($c) = @_;

    my $head = '';

    while ($head !~ /\r\n\r\n/) {
        sysread $c, $head, 4096, length $head or return;
    }

    my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)/mi;
    my ($what, $rest) = $head =~ m{^GET /(\w+)/?(\S*)};

    if ($what eq 'chunks') {
        syswrite $c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     . "6\r\none\ntw\r\n";
        syswrite $c, "6\r\no\nend\n\r\n0\r\n\r\n";
        return;
    }

    my $accept = sha1_base64(($key // '')
                             . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
    $accept = reverse $accept if $what eq 'wrong';

    my $extension = $what eq 'deflate'
        ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : '';

    syswrite $c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 . "Connection: Upgrade\r\n$extension"
                 . "Sec-WebSocket-Accept: $accept\r\n\r\n"
                 . ($what eq 'echo' ? '' : pack 'H*', $rest);

    return echo($c, $head =~ s/.*?\r\n\r\n//sr) if $what eq 'echo';
    sysread $c, my $buf, 4096 if $what ne 'cut';
}


sub echo {
    my ($c, $in) = @_;

    while (1) {
        while (length $in >= 6) {
            my ($first, $len, $key) = unpack 'CCa4', $in;
            $len &= 127;
            last if length $in < 6 + $len;

            my $data = substr $in, 6, $len;
            substr($in, 0, 6 + $len) = '';
            $data ^= substr $key x 32, 0, $len;

            syswrite $c, encode_frame(opcode => $first & 15, mask => 0,
                                      payload => $data);
            return if ($first & 15) == 8;
        }

        sysread $c, $in, 65536, length $in or return;
    }
}


# Dialogues that must fail: what they say and how many assertions are left.
# Those that wait for what does not come do so for a second.

my @failures = (
    ['a< 101 on a 200', "a> GET /t\na< 101", qr/the status is 200: "hi/],
    ['a header', "a> GET /t\na< header X: y", qr/no header X/],
    ['a header that is there', "a> GET /t\na< header ! Content-Length",
     qr/there is "Content-Length: 3"/],
    ['a body', "a> GET /t\na< body ho", qr/the body is "hi"\n#   not "ho"/],
    ['Sec-WebSocket-Accept', "a\@P> GET /wrong\na< 101",
     qr/Sec-WebSocket-Accept is/],
    ['another text', "a\@P> GET /echo\na< 101\na> text x\na< text y",
     qr/the text is "x"\n#   not "y"/],
    ['another type', "a\@P> GET /echo\na< 101\na> ping x\na< text x",
     qr/there came ping "x"/],
    ['a pattern', "a\@P> GET /echo\na< 101\na> text x\na< text qr/y/",
     qr/the text does not match: "x"/],
    ['a close code', "a\@P> GET /echo\na< 101\na> close 1000\na< close 1001",
     qr/the close code is "1000"/],
    ['JSON', "a\@P> GET /echo\na< 101\na> text {\"a\":1}\na< json {\"a\":2}",
     qr/the JSON differs at \$\.a/],
    ['a string for a number',
     "a\@P> GET /echo\na< 101\na> text {\"a\":\"1\"}\na< json {\"a\":1}",
     qr/the JSON differs at \$\.a/],
    ['more JSON',
     "a\@P> GET /echo\na< 101\na> text {\"a\":1,\"b\":2}\na< json= {\"a\":1}",
     qr/the JSON differs at \$\.b/],
    ['nothing', "a\@P> GET /echo\na< 101\na< text x",
     qr/a frame did not come within 1 s/, 1],
    ['no end', "a\@P> GET /echo\na< 101\na< eof",
     qr/the end of the connection did not come/, 1],
    ['an early end', "a\@P> GET /cut/817e00\na< 101\na< text x",
     qr/the connection ended/],
    ['a masked frame', "a\@P> GET /hex/818100000000\na< 101\na< text x",
     qr/masked frame/],
    ['an RSV bit', "a\@P> GET /hex/c10178\na< 101\na< text x",
     qr/RSV bits 4/],
    ['an opcode', "a\@P> GET /hex/8300\na< 101\na< text x", qr/the opcode 3/],
    ['a fragmented Ping', "a\@P> GET /hex/0900\na< 101\na< ping",
     qr/fragmented a control frame/],
    ['a long Ping', "a\@P> GET /hex/897e\na< 101\na< ping",
     qr/control frame over 125 bytes/],
    ['a length in two bytes', "a\@P> GET /hex/817e007d\na< 101\na< text x",
     qr/the length 125 in two bytes/],
    ['a length in eight bytes',
     "a\@P> GET /hex/817f000000000000ffff\na< 101\na< text x",
     qr/the length 65535 in eight bytes/],
    ['text not in UTF-8', "a\@P> GET /hex/8103eda080\na< 101\na< text x",
     qr/text that is not UTF-8/],
    ['a stray continuation', "a\@P> GET /hex/8000\na< 101\na< text x",
     qr/continued a message that it had not begun/],
    ['a message within one', "a\@P> GET /hex/01008100\na< 101\na< text x",
     qr/began a message within another/],
    ['a Close of one byte', "a\@P> GET /hex/880103\na< 101\na< close 1000",
     qr/a Close of one byte/],
    ['a wrong close code', "a\@P> GET /hex/880203ed\na< 101\na< close 1005",
     qr/the close code 1005/],
    ['a frame after Close',
     "a\@P> GET /hex/88008100\na< 101\na< close\na< text",
     qr/a frame after its Close/],
    ['a status', "! GET /t\n! < 404", qr/the status is 200/],
    ['a request before another', "! with-next GET /none\n! GET /t\n! < 200",
     qr/an answer before the last has the status 404/],
    ['a log', "! wait-log qr/never logged/", qr/no match in/, 1],
    ['an unknown step', "a> GET /t\na< 200\na> sing", qr/unknown step: sing/],
    ['a worker to kill', "! kill worker", qr/needs master_on/],
    ['no connection', "a< text x", qr/there is no connection "a"/],
);

# blocks of other sections that must fail, what fails in them, and for how
# long that is waited for

my @plain = (
    ['a status', "--- request\nGET /t\n--- error_code: 201\n"],
    ['a header', "--- request\nGET /t\n--- response_headers\nX: y\n"],
    ['a header absent',
     "--- request\nGET /t\n--- response_headers\n! Content-Length\n"],
    ['a body', "--- request\nGET /t\n--- response_body\nho\n"],
    ['a body like', "--- request\nGET /t\n--- response_body_like: ^ho\n"],
    ['the log', "--- request\nGET /t\n--- error_log\nnever logged\n", 2],
    ['not the log', "--- request\nGET /t\n--- no_error_log\nGET /t\n"],
    ['a grep of the log',
     "--- request\nGET /t\n--- grep_error_log: GET /t\n"
     . "--- grep_error_log_out\nnothing\n"],
    ['must_die', "--- must_die\n", 2],
);

my $Location = "--- config\nlocation = /t { return 200 \"hi\\n\"; }\n";

my $more = 3 + 3 + @failures + 3 * @plain + 5 + 2;

plan(tests => test_count() + $more);

run_tests();
test_frames();
test_failing_dialogues();
test_failing_blocks();
test_alerts();
test_workers();


sub test_frames {
    Test::More::is(unpack('H*', encode_frame(payload => 'Hello',
                                             mask => '37fa213d')),
                   '818537fa213d7f9f4d5158', 'a frame of RFC 6455, 5.7');
    Test::More::ok(is_utf8("a\xc3\xa9\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"),
                   'UTF-8');
    Test::More::ok(!grep({ is_utf8("a$_") } "\x80", "\xc0\x80", "\xed\xa0\x80",
                         "\xe0\x9f\xbf", "\xf4\x90\x80\x80", "\xe2\x82"),
                   'not UTF-8');
}


# Runs a test file made of the blocks in a process of its own.

sub run_child {
    my ($head, @blocks) = @_;

    my $dir = tempdir(CLEANUP => 1);
    my $n = 0;

    open my $out, '>', "$dir/child.t" or die $!;
    print $out "use lib 't/lib';\nuse Test::Nginx::WebSocket;\n"
               . "no_shuffle();\n$head\nplan_tests();\nrun_tests();\n\n"
               . "__DATA__\n\n",
               map { $n++; "=== TEST $n: child\n$_\n" } @blocks;
    close $out;

    # the server of this process may still have its port
    local $ENV{TEST_NGINX_SERVER_PORT} = Test::Nginx::Util::gen_rand_port();
    local $ENV{TEST_NGINX_CLIENT_PORT};
    local $ENV{TEST_NGINX_USE_HUP};
    local $ENV{TEST_NGINX_SERVROOT} = "$dir/root";
    local $ENV{TEST_NGINX_RANDOMIZE};
    local $ENV{TEST_NGINX_TIMEOUT} = $ChildTimeout;
    local $ENV{PERL5LIB} = join ':', grep { !ref } @INC;

    return scalar qx{$^X -I t/lib $dir/child.t 2>&1};
}


sub test_failing_dialogues {
    my @blocks = map { $Location . ($_->[3] ? "--- timeout: $_->[3]\n" : '')
                       . "--- websocket\n$_->[1]\n" } @failures;

    s/\@P>/\@$Port>/g for @blocks;

    my $out = run_child('', @blocks);

    Test::More::unlike($out, qr/# Looks like you planned/,
                       'the number of assertions stays right');
    Test::More::is(() = $out =~ /^not ok/mg, scalar @failures,
                   'one assertion fails in each');
    Test::More::unlike($out, qr/uninitialized|Odd number|redefined/,
                       'no warnings') or Test::More::diag($out);

    for my $i (0 .. $#failures) {
        my $n = $i + 1;
        my ($name, undef, $message) = @{ $failures[$i] };

        Test::More::like(diagnostics($out, $n), $message, "it fails: $name");
    }
}


# What a child says from the first assertion of a block to that of the next.

sub diagnostics {
    my ($out, $n) = @_;

    my $next = $n + 1;
    my ($text) = $out =~ /TEST $n: child - (.*?)(?:TEST $next: child - |\z)/s;

    return $text // '';
}


sub test_failing_blocks {
    for my $block (@plain) {
        my ($name, $sections, $timeout) = @$block;
        local $ChildTimeout = $timeout // $ChildTimeout;
        my $out = run_child('', "$Location$sections");

        Test::More::is(() = $out =~ /^not ok/mg, 1, "one fails: $name");
        Test::More::unlike($out, qr/# Looks like you planned/,
                           "the number stays right: $name");
        Test::More::unlike($out, qr/uninitialized/, "no warnings: $name");
    }
}


# What nobody has asked for, but must not be in the log.

sub test_alerts {
    my $alert = "--- init\nopen my \$log, '>>', server_root()"
                . " . '/logs/error.log'; print \$log "
                . "\"2026/01/01 00:00:00 [alert] 1#1: broken\\n\"; close \$log"
                . "\n";
    my $plain = "$Location$alert--- request\nGET /t\n";

    Test::More::like(run_child('', $plain),
                     qr/^not ok .* alerts or reports in the logs/m,
                     'an alert fails a plain block');
    Test::More::unlike(run_child('', "$plain--- error_log\n[alert] 1#1: b\n"),
                       qr/^not ok/m, 'unless it is expected');
    Test::More::like(run_child('',
                               "$Location$alert--- websocket\n! GET /t\n"),
                     qr/^not ok 1 .* done, logs clean/m,
                     'it fails the last assertion of a dialogue');
    my $report = $plain =~ s/2026.*?broken/x.c:1:2: runtime error: y/r;

    Test::More::like(run_child('', $report),
                     qr/^not ok .* alerts or reports in the logs/m,
                     'so does the report of a sanitizer');
    Test::More::like(run_child('workers(2); master_on();',
                     "$Location--- websocket\n! kill worker\n! GET /t\n! < 200"
                     . "\n! wait-log qr/exited on signal 9/\n"),
                     qr/\A1\.\.3\nok 1.*\nok 2.*\nok 3/,
                     'a worker that the dialogue kills may be missed');
}


# The worker of a connection can be chosen, killed, and sent away.

sub test_workers {
    my $out = run_child('workers(2); master_on();', <<'BLOCK');
--- config
location = /pid { return 200 $pid; }
--- timeout: 20
--- websocket
a> GET /pid
a< 200
a< body qr/(?<pid>\d+)/
! apart b a
b> GET /pid
b< 200
b< body qr/^(?!%{pid}$)(?<other>\d+)$/
! together c a
c> GET /pid
c< 200
c< body %{pid}
! kill worker of a
a< eof
! GET /pid
! < body qr/^(?!%{pid}$)/
! reload
! GET /pid
! < body qr/^(?!%{pid}$|%{other}$)/
! wait-log* 5 qr/start worker process \d+$/
! quit
! wait-exit
BLOCK

    Test::More::is(() = $out =~ /^ok /mg, 11,
                   'workers apart, together, killed, and new ones')
        or Test::More::diag($out);

    $out = run_child('workers(2); master_on();',
                     "$Location--- websocket\n! term\n! wait-exit\n! reload\n");

    Test::More::like($out, qr/^not ok 1 .*^# line 3: no pid in /ms,
                     'a step without an assertion fails the last one')
        or Test::More::diag($out);
}


__DATA__

=== TEST 1: a request
--- config
    location = /t { add_header X-A "$arg_a $http_x_b"; return 200 "hi\n"; }
--- request
GET /t?a=1
--- more_headers
X-B: 2
--- response_headers
X-A: 1 2
Content-Type: text/plain
! X-B
--- response_body
hi
--- error_log
GET /t?a=1
--- no_error_log
[error]
[warn]
--- grep_error_log eval
qr/http status: 200/i
--- grep_error_log_out eval
qr/\A(?i:http status: 200\n)?\z/
--- access_log
"GET /t?a=1 HTTP/1.1" 200
--- no_access_log
404



=== TEST 2: the default code is 200, patterns may be regular expressions
--- config
    location = /t { return 404; }
--- request
GET /t
--- error_code: 404
--- response_body_like: ^<html>
--- error_log eval
[qr/GET \/t/, "HTTP/1.1"]



=== TEST 3: user files, a variable, a body
--- user_files
>>> a/b.txt
one
>>> c.txt
$TEST_NGINX_SERVER_PORT
--- config
    location /put { return 200 "$request_method $content_length\n"; }
--- request eval
["GET /a/b.txt", "GET /c.txt", "POST /put\nhello"]
--- error_code eval
[200, 200, 200]
--- response_body eval
["one\n", "\$TEST_NGINX_SERVER_PORT\n", "POST 5\n"]



=== TEST 4: pipelined requests
--- config
    location /t { return 200 "$uri"; }
--- pipelined_requests eval
["GET /t/1", "GET /t/2"]
--- error_code eval
[200, 200]
--- response_body eval
["/t/1", "/t/2"]



=== TEST 5: a raw request in pieces
--- config
    location /t { return 200 "$http_a"; }
--- raw_request eval
["GET /t HTTP/1.1\r\nHost: a\r\nCon", "nection: close\r\nA: b\r\n\r\n"]
--- raw_request_middle_delay: 0.01
--- response_body: b



=== TEST 6: a chunked response, and a body in packets
--- http_config
    client_body_buffer_size 1k;
--- config
    location /in {
        chunked_transfer_encoding on;
        proxy_http_version 1.1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_FAKE_PORT/chunks;
    }
--- request
GET /in
--- response_body
one
two
end



=== TEST 7: a client that gives up
--- config
    location /t { limit_rate 1; return 200 "slow and more than that"; }
--- request
GET /t
--- timeout: 100ms
--- abort
--- ignore_response
--- no_error_log
[error]



=== TEST 8: a configuration that is wrong
--- config
    bogus on;
--- must_die
--- error_log
unknown directive "bogus"
--- no_error_log
[alert]



=== TEST 9: the exit code of nginx
--- main_config
    bogus on;
--- config
--- must_die: 1
--- error_log eval
qr/unknown directive "bogus" in \S+nginx\.conf:\d+/



=== TEST 10: a number of sections has a skip
--- config
    location = /t { return 500; }
--- request
GET /t
--- response_body
never
--- skip_eval: 9: 1



=== TEST 11: a dialogue without a handshake
--- config
    location = /t {
        if ($request_method = POST) { return 202 '{"n":1,"l":[1,{"s":"x"}]}'; }
        add_header X-A "a b";
        return 200 "hi\n";
    }
    location = /e {
        return 201 "$request_method $http_x_a,$http_x_b $content_type";
    }
--- websocket
a> GET /t
a< 200
a< header X-A: a b
a< header X-A: qr/^a (?<rest>.)$/
a< header ! X-B
a< body hi
a< body hi\n
a< body qr/h(?<vowel>.)/
! POST /t some body
! < 202
! < json {"n":1}
! < json= {"n":1,"l":[1,{"s":"qr/^[x-z]$/"}]}
! PUT /e [X-A: 1; X-B: two; Content-Type: text/plain; charset=utf-8] * 10 x
! < 201
! < body PUT 1,two text/plain; charset=utf-8
! GET /t?%{vowel}%{rest}
! < body hi
! wait-log GET /t?ib
! wait-access qr/^\S+ .* "GET .t\?ib HTTP/
! wait-log* 2 qr/"(GET|POST) .t /
--- error_log
GET /t?ib



=== TEST 12: frames, sent and echoed
--- config
--- websocket
a@$TEST_NGINX_FAKE_PORT> with-handshake text early
a> with-handshake ping e
a> GET /echo
a< 101
a< header Upgrade: websocket
a< text early
a< ping e
a> pong-back
a< pong e
a> text \x41\u{e9}\n\\
a< text A\xc3\xa9\n\\
a> text
a< text
a> text* 3 ab
a< text ababab
a> binary \x00\xff
a< binary \x00\xff
a> raw 81 81 00 00 00 00 78 89 80 00 00 00 00
a< text* 1 x
a< ping
a> raw+ 8a 82 01 01 01 01 60 63
a< pong ab
a> frame opcode=2 mask=01020304 abcd
a< binary abcd
a> times 2 text x
a< text x
a< text x
a> text {"a":[1,2,{"b":null}],"c":true}
a< json {"c":true,"a":[1,2,{}]}
a> text key=secret
a< text qr/key=(?<key>\w+)/
a> text %{key}
a< text secret
a> close 1000 good\x20bye
a< close 1000 reason good bye
a< eof
b@$TEST_NGINX_FAKE_PORT> GET /echo
b< 101
b> close
b< close
b< rst-or-eof
c@$TEST_NGINX_FAKE_PORT> GET /echo
c< 101
c> shutdown
c< eof
d@$TEST_NGINX_FAKE_PORT> GET /echo
d< 101
d> drop
e> plain GET http://127.0.0.1:$TEST_NGINX_FAKE_PORT/chunks
e< 200
e< stream qr/one\n/
e< stream end



=== TEST 13: what a server may send
--- config
--- websocket eval
'a@$TEST_NGINX_FAKE_PORT> GET /hex/'
. '010161' . '890170' . '000162' . '800163' . '827e007e' . '00' x 126
. '827f0000000000010000' . '01' x 65536 . '880403e86f6b'
. q{
a< 101
a< ping p
a< text abc
a< binary* 126 \x00
a< binary* 65536 \x01
a< close 1000 reason ok
a> GET /deflate/c107f248cdc9c90700c105f200110000
a< 101
a< compressed text Hello
a< text qr/^Hello$/
}



=== TEST 14: pings are answered if that is asked for
--- config
--- websocket
a@$TEST_NGINX_FAKE_PORT> GET /echo
a auto-pong on
a< 101
a> ping x
a> text y
a< text y



=== TEST 15: requests in one piece
--- config
    location = /n { return 200 "$connection_requests\n"; }
--- websocket
! with-next GET /n
! with-next POST /n a body
! GET /n
! < body 3
! GET /n
! < body 1
