package Test::Nginx::WebSocket::Dialogue;

# The section "--- websocket": one step a line, described in t/README.md.

use strict;
use warnings;

use Encode ();
use JSON::PP ();
use Test::More ();
use Time::HiRes ();

use Test::Nginx::WebSocket::Client;
use Test::Nginx::WebSocket::Frame
    qw(encode_frame OP_TEXT OP_BINARY OP_CLOSE OP_PING OP_PONG);

my %OPCODE = (text => OP_TEXT, binary => OP_BINARY, ping => OP_PING,
              pong => OP_PONG);

my %ESCAPE = (n => "\n", r => "\r", t => "\t", 0 => "\0", e => "\e",
              a => "\a", f => "\f", b => "\b");

my %SEND = (
    'proxy' => \&send_proxy, 'with-handshake' => \&send_later,
    'raw' => \&send_raw, 'raw+' => \&send_raw_slowly,
    'pong-back' => \&send_pong_back, 'shutdown' => \&send_shutdown,
    'drop' => \&send_drop, 'end' => \&send_end, 'times' => \&send_times,
    'stop-reading' => sub { },
    'rcvbuf' => \&set_rcvbuf, 'plain' => \&send_plain,
);

my %EXPECT = (
    'header' => \&expect_header, 'body' => \&expect_body,
    'stream' => \&expect_stream, 'json' => \&expect_json,
    'json=' => \&expect_exact_json,
    'close' => \&expect_close, 'eof' => \&expect_eof,
    'rst-or-eof' => \&expect_eof, 'compressed' => \&expect_compressed,
    'uncompressed' => \&expect_uncompressed,
);

my %CONTROL = (
    'reload' => \&do_reload, 'kill' => \&do_kill,
    'quit' => sub { $_[0]{control}->signal('QUIT') },
    'term' => sub { $_[0]{control}->signal('TERM') },
    'wait-exit' => sub { $_[0]{control}->wait_exit },
    'sleep' => sub { Time::HiRes::sleep($_[1]) }, 'tls' => \&do_tls,
    'apart' => \&do_apart, 'together' => \&do_together,
    'with-next' => \&do_with_next,
    'wait-log' => sub { do_wait_log('error_log', @_) },
    'wait-access' => sub { do_wait_log('access_log', @_) },
);


# name: of the block; text: of the section; host, port: of the server;
# server_name: for Host; timeout: of a step; control: the nginx under test;
# expand: a function that puts in the values of variables

sub new {
    my ($class, %opt) = @_;

    return bless { connections => {}, pending => {}, vars => {}, %opt },
                 $class;
}


sub steps {
    my ($text) = @_;

    my $n = 0;

    return grep { $_->[1] =~ /\S/ && $_->[1] !~ /\A\s*#/ }
           map { [++$n, $_] } split /\r?\n/, $text;
}


sub is_assertion {
    my ($line) = @_;

    return $line =~ /\A\s*[a-z][a-z0-9]*(?:\@[^\s<>]+)?</
           || $line =~ /\A\s*!\s*(?:<|wait-(?:log|access)\b)/;
}


sub count {
    my ($text) = @_;

    return scalar grep { is_assertion($_->[1]) } steps($text);
}


# Runs the steps, and makes one assertion for each that is one. The first step
# that fails ends the dialogue; the assertions after it are skipped. Returns
# false when a step failed that is no assertion, with a message.

sub run {
    my ($self) = @_;

    my ($failed, $unreported);

    for my $step (steps($self->{text})) {
        my ($n, $line) = @$step;
        my $assertion = is_assertion($line);
        my $title = "$self->{name} - line $n: "
                    . (length $line > 100 ? substr($line, 0, 97) . '...'
                                          : $line);

        if ($failed) {
            skip_one("line $failed failed") if $assertion;
            next;
        }

        my $ok = eval { $self->step($line); 1 };
        my $error = $@;

        Test::More->builder->ok($ok, $title) if $assertion;
        next if $ok;

        $failed = $n;
        chomp $error;
        Test::More::diag("line $n: $line\n$error");
        $unreported = "line $n: $error" if !$assertion;
    }

    return (!$unreported, $unreported);
}


sub skip_one {
    my ($why) = @_;

    Test::More->builder->skip($why);

    return;
}


sub finish {
    my ($self) = @_;

    $_->close for values %{ $self->{connections} };
    $self->{connections} = {};

    return;
}


sub step {
    my ($self, $line) = @_;

    $line = $self->{expand}->($line);
    $line =~ s/%\{(\w+)\}|\$(EPOCH)\b/$self->value($+)/ge;

    if ($line =~ /\A\s*([a-z][a-z0-9]*)(?:\@(\d+)(:tls)?)?([<>+]) ?(.*)\z/s) {
        my ($name, $port, $tls, $way, $rest) = ($1, $2, $3, $4, $5);

        $self->{pending}{$name}{port} = $port if defined $port;
        $self->{pending}{$name}{tls} = 1 if $tls;

        return $self->send_step($name, $rest) if $way eq '>';
        return $self->add_header($name, $rest) if $way eq '+';
        return $self->expect_step($self->connection($name), $rest);
    }

    if ($line =~ /\A\s*([a-z][a-z0-9]*) auto-pong (on|off)\s*\z/) {
        $self->connection($1)->{auto_pong} = $2 eq 'on';
        return;
    }

    return $self->control_step($1) if $line =~ /\A\s*!\s*(.*)\z/s;

    die "not a step\n";
}


sub value {
    my ($self, $name) = @_;

    return $self->{vars}{$name} // die "$name has no value yet\n";
}


sub connection {
    my ($self, $name) = @_;

    return $self->{connections}{$name}
           // die "there is no connection \"$name\"\n";
}


# "text hello" and "text* 5 x" are the same as far as verbs go.

sub split_verb {
    my ($text) = @_;

    my ($verb, $rest) = $text =~ /\A(\S+)(?: (.*))?\z/s
        or die "an empty step\n";

    return ($verb, $rest // '');
}


sub payload {
    my ($verb, $rest) = @_;

    return ($verb, unescape($rest)) if $verb !~ s/\*\z//;

    $rest =~ /\A(\d+) (.+)\z/s or die "\"$verb*\" takes a number and a text\n";

    return ($verb, unescape($2) x $1);
}


# Bytes from text with the escapes of a double-quoted string of Perl.

sub unescape {
    my ($text) = @_;

    Encode::_utf8_off($text) if utf8::is_utf8($text);

    $text =~ s{\\(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{2})
                  |u\{([0-9a-fA-F]+)\}|(.))}
              { defined $1 ? (hex $1 < 256 ? chr hex $1 : utf8_of(hex $1))
                : defined $2 ? chr hex $2
                : defined $3 ? utf8_of(hex $3)
                : simple_escape($4) }gsex;

    return $text;
}


sub simple_escape {
    my ($char) = @_;

    return $ESCAPE{$char} if defined $ESCAPE{$char};

    die "an unknown escape: \\$char\n" if $char =~ /\w/;

    return $char;
}


sub utf8_of {
    my ($code) = @_;

    my $char = chr $code;
    utf8::encode($char);

    return $char;
}


# The regular expression of "qr/.../", with the flags given as well.

sub regex {
    my ($text, $more) = @_;

    my ($re, $flags) = $text =~ m{\A\s*qr/(.*)/([imsxn]*)\s*\z}s
        or return undef;

    $flags .= $more // '';

    my $compiled = eval { qr/(?^$flags:$re)/ };
    die "not a regular expression: $@" if !defined $compiled;

    return $compiled;
}


# Compares with a text or qr/regex/, whose named captures are remembered.

sub compare {
    my ($self, $what, $got, $text, $times) = @_;

    if (!$times && defined(my $re = regex($text))) {
        $got =~ $re or die "$what does not match: " . show($got) . "\n";
        $self->{vars} = { %{ $self->{vars} }, %+ };
        return;
    }

    my (undef, $want) = payload($times ? 'x*' : 'x', $text);

    die "$what is " . show($got) . "\n  not " . show($want) . "\n"
        if $got ne $want;

    return;
}


sub show {
    my ($bytes) = @_;

    my $n = length $bytes;
    my $text = $n > 400 ? substr($bytes, 0, 400) : $bytes;

    $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;

    return "\"$text\"" . ($n > 400 ? "... ($n bytes)" : '');
}


sub send_step {
    my ($self, $name, $text) = @_;

    return $self->handshake($name, $text) if $text =~ /\A[A-Z]+ \S/;

    my ($verb, $rest) = split_verb($text);

    return $SEND{$verb}->($self, $name, $rest) if $SEND{$verb};

    $self->connection($name)->send_bytes($self->frame_bytes($name, $text));

    return;
}


# The bytes of a step that sends a frame.

sub frame_bytes {
    my ($self, $name, $text) = @_;

    my ($verb, $rest) = split_verb($text);

    return raw_bytes($rest) if $verb eq 'raw';
    return custom_frame($rest) if $verb eq 'frame';
    return close_frame($rest) if $verb eq 'close';

    my %more;

    if ($verb eq 'compressed') {
        ($verb, $rest) = payload(split_verb($rest));
        $rest = $self->connection($name)->deflate($rest);
        $more{rsv} = 4;

    } else {
        ($verb, $rest) = payload($verb, $rest);
    }

    die "an unknown step: $verb\n" if !defined $OPCODE{$verb};

    return encode_frame(opcode => $OPCODE{$verb}, payload => $rest, %more);
}


sub raw_bytes {
    my ($hex) = @_;

    $hex =~ tr/ \t//d;
    $hex =~ /\A(?:[0-9a-fA-F]{2})*\z/ or die "\"raw\" takes hex bytes\n";

    return pack 'H*', $hex;
}


sub custom_frame {
    my ($text) = @_;

    my %f;

    $f{$1} = $2
        while $text =~ s/\A(fin|rsv|opcode|mask|len|lenbytes)=(\w+)(?: |\z)//;

    return encode_frame(%f, payload => payload_of($text));
}


# A text, or "* N text", which is the text N times.

sub payload_of {
    my ($text) = @_;

    my (undef, $payload) = $text =~ s/\A(?:body)?\* // ? payload('x*', $text)
                                              : payload('x', $text);

    return $payload;
}


sub close_frame {
    my ($text) = @_;

    my ($code, $reason) = $text =~ /\A(\d*)(?: (.*))?\z/s
        or die "\"close\" takes a code and a reason\n";

    return encode_frame(opcode => OP_CLOSE, payload =>
               $code eq '' ? '' : pack('n', $code) . unescape($reason // ''));
}


# The client of a name for a new connection, with what earlier lines set.

sub new_connection {
    my ($self, $name, %opt) = @_;

    my $pending = delete $self->{pending}{$name} // {};

    # the port and TLS hold for later connections of the name as well
    $self->{pending}{$name} = { map { $_ => $pending->{$_} }
                                grep { exists $pending->{$_} } qw(port tls) };

    if (my $old = delete $self->{connections}{$name}) {
        $old->close;
    }

    my $c = Test::Nginx::WebSocket::Client->new(
        host => $self->{host}, port => $pending->{port} // $self->{port},
        timeout => $self->{timeout}, queued => $pending->{queued} // '',
        rcvbuf => $pending->{rcvbuf}, headers => $pending->{headers} // [],
        tls => $pending->{tls}, %opt);

    $self->connect_client($c, $pending);
    $self->{connections}{$name} = $c;

    return $c;
}


sub connect_client {
    my ($self, $c, $pending) = @_;

    if (my $where = $pending->{worker}) {
        my $control = $self->{control};
        my $other = $self->connection($where->{of});
        my $worker = $control->worker_of(@$other{qw(port local_port)});

        $control->with_worker($worker, $where->{apart}, sub {
            $c->connect;
            $control->worker_of(@$c{qw(port local_port)});
        });

    } else {
        $c->connect;
    }

    $c->send_bytes($pending->{proxy}) if defined $pending->{proxy};
    $c->start_tls($self->{server_name}) if $c->{tls};

    return;
}


# METHOD URI [HTTP/x.y]; the URI may be absolute

sub request_line {
    my ($text) = @_;

    my ($method, $uri, $version) =
        $text =~ m{\A([A-Z]+) (\S+)(?: (HTTP/\S+))?\s*\z}
        or die "not a request line\n";

    my %opt;

    if ($uri =~ s{\A(http|ws)(s?)://([^/:?]+)(?::(\d+))?}{}) {
        %opt = (host => $3, port => $4 // ($2 ? 443 : 80), tls => !!$2);
        $uri = "/$uri" if $uri !~ m{\A/};
    }

    return ($method, $uri, $version // 'HTTP/1.1', %opt);
}


sub handshake {
    my ($self, $name, $text) = @_;

    my ($method, $uri, $version, %opt) = request_line($text);
    my $c = $self->new_connection($name, %opt);

    $c->send_request($method, $uri, $version,
        Test::Nginx::WebSocket::Client::merge_headers([
            [Host => $self->{server_name}],
            [Upgrade => 'websocket'],
            [Connection => 'Upgrade'],
            ['Sec-WebSocket-Key' =>
                Test::Nginx::WebSocket::Client::random_key()],
            ['Sec-WebSocket-Version' => 13],
        ], $c->{headers}));

    return;
}


sub send_plain {
    my ($self, $name, $text) = @_;

    my ($head, $body) = $text =~ /\A(\S+ \S+(?: HTTP\S+)?)(?: (.*))?\z/s;
    my ($method, $uri, $version, %opt) = request_line($head // '');
    my $c = $self->new_connection($name, %opt);

    $body = defined $body ? payload_of($body) : undef;

    $c->send_request($method, $uri, $version,
        Test::Nginx::WebSocket::Client::merge_headers([
            [Host => $self->{server_name}],
            defined $body ? ['Content-Length' => length $body] : (),
        ], $c->{headers}), $body);

    return;
}


sub add_header {
    my ($self, $name, $text) = @_;

    push @{ $self->{pending}{$name}{headers} }, [header_line($text)];

    return;
}


sub header_line {
    my ($text) = @_;

    my ($name, $value) = $text =~ /\A([^\s:]+):\s*(.*?)\s*\z/s
        or die "not a header: $text\n";

    return ($name, unescape($value));
}


sub send_proxy {
    my ($self, $name, $text) = @_;

    $self->{pending}{$name}{proxy} = unescape($text) . "\r\n";

    return;
}


sub send_later {
    my ($self, $name, $text) = @_;

    $self->{pending}{$name}{queued} .= $self->frame_bytes($name, $text);

    return;
}


sub send_raw {
    my ($self, $name, $hex) = @_;

    $self->connection($name)->send_bytes(raw_bytes($hex));

    return;
}


sub send_raw_slowly {
    my ($self, $name, $hex) = @_;

    $self->connection($name)->send_slowly(raw_bytes($hex));

    return;
}


sub send_pong_back {
    my ($self, $name) = @_;

    my $c = $self->connection($name);

    $c->send_frame(OP_PONG, $c->{last_ping} // die "there was no Ping\n");

    return;
}


sub send_shutdown { $_[0]->connection($_[1])->half_close }


sub send_drop { $_[0]->connection($_[1])->drop }


sub send_end { $_[0]->connection($_[1])->close }


# times N STEP: all of them in one piece

sub send_times {
    my ($self, $name, $text) = @_;

    my ($n, $step) = $text =~ /\A(\d+) (.+)\z/s
        or die "\"times\" takes a number and a step\n";

    $self->connection($name)
         ->send_bytes(join '', map { $self->frame_bytes($name, $step) }
                                   1 .. $n);

    return;
}


sub set_rcvbuf {
    my ($self, $name, $size) = @_;

    $self->{pending}{$name}{rcvbuf} = $size;

    return;
}


sub expect_step {
    my ($self, $c, $text) = @_;

    return $self->expect_status($c, $1) if $text =~ /\A(\d{3})\s*\z/;

    my ($verb, $rest) = split_verb($text);
    my $times = $verb =~ s/\*\z//;

    return $EXPECT{$verb}->($self, $c, $rest, $times) if $EXPECT{$verb};

    return $self->expect_message($c, $verb, $rest, $times)
        if defined $OPCODE{$verb};

    die "an unknown step: $verb\n";
}


sub expect_status {
    my ($self, $c, $code) = @_;

    my $got = $c->read_head->{code};

    die "the status is $got: " . show($got == 101 ? '' : $c->body) . "\n"
        if $got != $code;

    $c->check_upgrade if $code == 101;

    return;
}


sub expect_header {
    my ($self, $c, $text) = @_;

    if ($text =~ /\A!\s*(\S+)\s*\z/) {
        my $value = $c->header($1);
        die "there is \"$1: $value\"\n" if defined $value;
        return;
    }

    my ($name, $want) = $text =~ /\A([^\s:]+):\s*(.*?)\s*\z/s
        or die "not a header: $text\n";

    $self->compare($name, $c->header($name) // die("no header $name\n"),
                   $want);

    return;
}


# One newline at the end makes no difference, unless the step has it as well.

sub expect_body {
    my ($self, $c, $text, $times) = @_;

    my $body = $c->body;

    $body =~ s/\n\z// if !defined regex($text) && $text !~ /\\n\z/;
    $self->compare('the body', $body, $text, $times);

    return;
}


sub expect_stream {
    my ($self, $c, $text) = @_;

    my $want = regex($text) // quotemeta unescape($text);

    $c->read_stream(qr/$want/) =~ $want;
    $self->{vars} = { %{ $self->{vars} }, %+ };

    return;
}


sub expect_message {
    my ($self, $c, $type, $text, $times) = @_;

    my $event = $self->next_event($c, $type);

    # a Ping without data stands for any
    return $event if $type eq 'ping' && $text eq '';

    $self->compare("the $type", $event->{data}, $text, $times);

    return $event;
}


sub next_event {
    my ($self, $c, $type) = @_;

    my $event = $c->read_event;

    die "there came $event->{type} "
        . (defined $event->{code} ? "$event->{code} " . show($event->{reason})
                                  : show($event->{data})) . "\n"
        if $event->{type} ne $type;

    return $event;
}


sub expect_compressed {
    my ($self, $c, $text) = @_;

    my $event = $self->expect_either($c, $text);

    die "the $event->{type} is not compressed\n" if !$event->{compressed};

    return;
}


sub expect_uncompressed {
    my ($self, $c, $text) = @_;

    my $event = $self->expect_either($c, $text);

    die "the $event->{type} is compressed\n" if $event->{compressed};

    return;
}


sub expect_either {
    my ($self, $c, $text) = @_;

    my ($verb, $rest) = split_verb($text);
    my $times = $verb =~ s/\*\z//;

    return $self->expect_message($c, $verb, $rest, $times);
}


sub expect_close {
    my ($self, $c, $text) = @_;

    my ($code, $reason) = $text =~ /\A(\d*)(?: (.*))?\z/s
        or die "\"close\" takes a code and a reason\n";

    my $event = $self->next_event($c, 'close');
    my $got = $event->{code} // '';

    die "the close code is \"$got\" with "
        . show($event->{reason} // '') . "\n"
        if $got ne $code;

    $reason =~ s/\Areason(?: |\z)// if defined $reason;

    $self->compare('the reason', $event->{reason}, $reason)
        if defined $reason;

    return;
}


sub expect_eof {
    my ($self, $c) = @_;

    $c->wait_eof;

    return;
}


sub expect_json {
    my ($self, $c, $text, $times, $exact) = @_;

    compare_json($self->next_event($c, 'text')->{data}, $text, $exact);

    return;
}


sub expect_exact_json {
    my ($self, $c, $text) = @_;

    return $self->expect_json($c, $text, 0, 1);
}


# An object may have more members than are named, unless the comparison is to
# be exact. A string "qr/.../" stands for all that match it.

sub compare_json {
    my ($got_text, $want_text, $exact) = @_;

    my $json = JSON::PP->new->utf8->allow_nonref;

    my $want = eval { $json->decode($want_text) };
    die "the step's JSON: $@" if $@;

    my $got = eval { $json->decode($got_text) };
    die 'this is no JSON: ' . show($got_text) . "\n" if $@;

    my $where = json_differs($got, $want, '$', $exact);
    die "the JSON differs at $where: " . show($got_text) . "\n" if $where;

    return;
}


# Where two values differ, as a path; nothing when they do not.

sub json_differs {
    my ($got, $want, $path, $exact) = @_;

    return hash_differs(@_) if ref $want eq 'HASH';
    return array_differs(@_) if ref $want eq 'ARRAY';

    return defined $got ? $path : undef if !defined $want;
    return $path if !defined $got || ref $got ne ref $want
                    || is_number($got) != is_number($want);
    return $got == $want ? undef : $path if is_number($want);

    my $re = ref $want ? undef : regex($want);
    my $same = defined $re ? $got =~ $re : $got eq $want;

    return $same ? undef : $path;
}


sub is_number {
    my ($value) = @_;

    return JSON::PP->new->allow_nonref->encode($value) =~ /\A[-\d]/ ? 1 : 0;
}


sub hash_differs {
    my ($got, $want, $path, $exact) = @_;

    return $path if ref $got ne 'HASH';

    for my $key (sort keys %$want) {
        return "$path.$key" if !exists $got->{$key};
        my $where = json_differs($got->{$key}, $want->{$key}, "$path.$key",
                                 $exact);
        return $where if $where;
    }

    my ($more) = grep { !exists $want->{$_} } sort keys %$got;

    return $exact && defined $more ? "$path.$more" : undef;
}


sub array_differs {
    my ($got, $want, $path, $exact) = @_;

    return $path if ref $got ne 'ARRAY' || @$got != @$want;

    for my $i (0 .. $#$want) {
        my $where = json_differs($got->[$i], $want->[$i], $path . "[$i]",
                                 $exact);
        return $where if $where;
    }

    return undef;
}


sub control_step {
    my ($self, $text) = @_;

    return $self->expect_answer($1) if $text =~ /\A<\s*(.*)\z/s;
    return $self->http_request($2, $1)
        if $text =~ /\A(?:\@(\d+) )?([A-Z]+ .*)/s;

    my ($verb, $rest) = split_verb($text);
    my $times = $verb =~ s/\*\z//;

    my $do = $CONTROL{$verb} or die "an unknown step: ! $verb\n";

    $do->($self, $rest, $times);

    return;
}


# METHOD URI [Header: value; Header: value] body, or "* N text" as the body

sub parse_http {
    my ($text) = @_;

    my ($method, $uri, $rest) = $text =~ /\A([A-Z]+) (\S+)(?: (.*))?\z/s
        or die "not a request\n";

    my @headers;
    my $token = qr/[A-Za-z0-9!#\$%&'*+.^_|~-]+:/;

    $rest //= '';

    if ($rest =~ s/\A\[($token[^\]]*)\](?: |\z)//) {
        @headers = map { [header_line($_)] } split /;\s*(?=$token)/, $1;
    }

    return ($method, $uri, \@headers, payload_of($rest));
}


sub http_request {
    my ($self, $text, $port) = @_;

    $self->{request} = [$text, $port];

    my @request = parse_http($text);
    my $ahead = delete $self->{ahead} // [];

    my $c = Test::Nginx::WebSocket::Client->new(
        host => $self->{host}, port => $port // $self->{port},
        timeout => $self->{timeout}, ahead => join('', @$ahead));

    $c->connect;
    $self->send_http($c, scalar @$ahead, @request);

    return;
}


# with-next REQUEST: it goes before the next one, and in one piece with it

sub do_with_next {
    my ($self, $text) = @_;

    my ($method, $uri, $headers, $body) = parse_http($text);

    push @{ $self->{ahead} },
        Test::Nginx::WebSocket::Client::request_bytes($method, $uri,
            'HTTP/1.1', $self->http_headers($method, $headers, $body), $body);

    return;
}


sub http_headers {
    my ($self, $method, $headers, $body, @more) = @_;

    my $length = $body ne '' || $method =~ /\AP/
                 ? ['Content-Length' => length $body] : undef;

    return Test::Nginx::WebSocket::Client::merge_headers(
               [[Host => $self->{server_name}], @more, $length // ()],
               $headers);
}


sub send_http {
    my ($self, $c, $ahead, $method, $uri, $headers, $body) = @_;

    # a server that refuses the body may close before it has it all
    my $sent = eval {
        $c->send_request($method, $uri, 'HTTP/1.1',
            $self->http_headers($method, $headers, $body,
                                [Connection => 'close']), $body);
        1;
    };
    my $error = $@;

    $c->{method} = $method;
    $self->{answer} = $c;

    eval { $c->skip_answers($ahead); $c->body; 1 } or die $sent ? $@ : $error;
    $c->close;

    $self->{vars}{EPOCH} = $1 if $c->body =~ /"epoch":"(\w+)"/;

    return;
}


sub expect_answer {
    my ($self, $text) = @_;

    my $c = $self->{answer} or die "there was no HTTP request\n";

    return $self->expect_answer_soon($1) if $text =~ /\Asoon (.*)\z/s;
    return $self->expect_status($c, $1) if $text =~ /\A(\d{3})\s*\z/;

    my ($verb, $rest) = split_verb($text);
    my $times = $verb =~ s/\*\z//;

    return $self->expect_header($c, $rest) if $verb eq 'header';
    return $self->expect_body($c, $rest, $times) if $verb eq 'body';
    return compare_json($c->body, $rest, $verb eq 'json=')
        if $verb =~ /\Ajson=?\z/;

    die "an unknown step: ! < $verb\n";
}


# the last request again, until its answer is right

sub expect_answer_soon {
    my ($self, $text) = @_;

    my $deadline = Time::HiRes::time() + $self->{timeout};

    while (!eval { $self->expect_answer($text); 1 }) {
        die $@ if Time::HiRes::time() > $deadline;

        Time::HiRes::sleep(0.02);
        $self->http_request(@{ $self->{request} });
    }

    return;
}


sub do_reload {
    my ($self) = @_;

    $self->{control}->require_master;
    $self->{control}->reload;

    return;
}


# worker [N] | worker of NAME

sub do_kill {
    my ($self, $text) = @_;

    my $control = $self->{control};

    $control->require_master;

    if ($text =~ /\Aworker of ([a-z][a-z0-9]*)\s*\z/) {
        my $c = $self->connection($1);
        return $control->kill_worker(
                   $control->worker_of(@$c{qw(port local_port)}));
    }

    $text =~ /\Aworker(?: (\d+))?\s*\z/
        or die "\"! kill worker\", then a number or \"of\" a connection\n";

    $control->kill_worker($control->nth_worker($1 // 1));

    return;
}


sub do_tls {
    my ($self, $name) = @_;

    $self->{pending}{$name}{tls} = 1;

    return;
}


sub do_apart { $_[0]->choose_worker($_[1], 1) }


sub do_together { $_[0]->choose_worker($_[1], 0) }


sub choose_worker {
    my ($self, $text, $apart) = @_;

    my ($name, $of) = $text =~ /\A([a-z]\w*) ([a-z]\w*)\s*\z/
        or die "this takes the names of two connections\n";

    $self->{control}->require_master;
    $self->{pending}{$name}{worker} = { of => $of, apart => $apart };

    return;
}


sub do_wait_log {
    my ($log, $self, $text, $times) = @_;

    my $n = 1;

    $n = $1 if $times && $text =~ s/\A(\d+) //;

    my $re = regex($text, 'm') // quotemeta $text;
    my $control = $self->{control};

    $control->wait_log($control->{$log}, $re, $n);

    return;
}


1;
