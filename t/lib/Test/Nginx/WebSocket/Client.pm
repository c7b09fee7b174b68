package Test::Nginx::WebSocket::Client;

# One TCP connection of a dialogue: it speaks HTTP first and WebSocket
# frames after a 101. Nothing is read before a step asks for it, and what was
# read too early is kept. All methods die with a message that says what came.

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select ();
use IO::Socket::INET ();
use MIME::Base64 qw(encode_base64);
use Socket qw(IPPROTO_TCP SHUT_WR SOL_SOCKET SO_LINGER SO_RCVBUF TCP_NODELAY);
use Time::HiRes qw(sleep time);

use Test::Nginx::WebSocket::Frame
    qw(encode_frame decode_frame is_utf8 close_code_ok
       OP_CONT OP_TEXT OP_BINARY OP_CLOSE OP_PING OP_PONG);

use constant GUID => '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

my %CONTROL = (OP_CLOSE() => 'close', OP_PING() => 'ping',
               OP_PONG() => 'pong');


sub new {
    my ($class, %opt) = @_;

    return bless {
        host => '127.0.0.1', timeout => 5, buf => '', eof => 0,
        headers => [], ahead => '', queued => '', %opt,
    }, $class;
}


sub connect {
    my ($self) = @_;

    my $sock = IO::Socket::INET->new(Proto => 'tcp')
        or die "no socket: $!\n";

    setsockopt $sock, SOL_SOCKET, SO_RCVBUF, pack('i', $self->{rcvbuf})
        if $self->{rcvbuf};

    # the kernel accepts for the server, so this does not wait for nginx
    $sock->timeout($self->{timeout});
    $sock->connect($self->{port}, Socket::inet_aton($self->{host}))
        or die "cannot connect to $self->{host}:$self->{port}: $!\n";

    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, pack('i', 1);

    $self->{local_port} = $sock->sockport;
    $self->{sock} = $sock;
    $sock->blocking(0);

    return;
}


# Before the handshake, which may come after a line of the PROXY protocol.

sub start_tls {
    my ($self, $name) = @_;

    eval { require IO::Socket::SSL; 1 }
        or die "IO::Socket::SSL is needed for TLS\n";

    $self->{sock}->blocking(1);

    IO::Socket::SSL->start_SSL($self->{sock}, SSL_verify_mode => 0,
                               SSL_hostname => $name,
                               Timeout => $self->{timeout})
        or die 'TLS: ' . IO::Socket::SSL::errstr() . "\n";

    $self->{sock}->blocking(0);

    return;
}


sub random_key {
    return encode_base64(pack('N4', map { int rand 2 ** 32 } 1 .. 4), '');
}


# The headers of a request: the defaults, overridden and followed by the
# given pairs. An empty value takes a header out.

sub merge_headers {
    my ($defaults, $more) = @_;

    my @out;
    my %given;

    push @{ $given{lc $_->[0]} }, $_ for @$more;

    for my $h (@$defaults) {
        my $set = delete $given{lc $h->[0]};
        push @out, $set ? @$set : $h;
    }

    for my $h (@$more) {
        push @out, @{ delete $given{lc $h->[0]} // [] };
    }

    return [grep { length $_->[1] } @out];
}


sub request_bytes {
    my ($method, $uri, $version, $headers, $body) = @_;

    return "$method $uri $version\r\n"
           . join('', map { "$_->[0]: $_->[1]\r\n" } @$headers)
           . "\r\n" . ($body // '');
}


sub send_request {
    my ($self, $method, $uri, $version, $headers, $body) = @_;

    my $request = request_bytes($method, $uri, $version, $headers, $body);

    ($self->{key}) = map { $_->[1] }
                     grep { lc $_->[0] eq 'sec-websocket-key' } @$headers;

    $self->{method} = $method;
    $self->{response} = undef;
    $self->send_bytes($self->{ahead} . $request . $self->{queued});
    $self->{ahead} = $self->{queued} = '';

    return;
}


sub send_bytes {
    my ($self, $bytes) = @_;

    my $sock = $self->{sock} or die "the connection is closed\n";
    my $deadline = time + $self->{timeout};

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $n = syswrite $sock, $bytes;

        if (defined $n) {
            substr($bytes, 0, $n) = '';
            next;
        }

        die "cannot send: $!\n" if !again();

        IO::Select->new($sock)->can_write($deadline - time)
            or die sprintf "the server does not read: %d bytes not sent\n",
                           length $bytes;
    }

    return;
}


# Each byte in a segment of its own; the pause lets the server read it alone.

sub send_slowly {
    my ($self, $bytes) = @_;

    for my $byte (split //, $bytes) {
        $self->send_bytes($byte);
        sleep 0.002;
    }

    return;
}


sub again {
    return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
}


# Reads what there is, waiting for it until the deadline. Returns false at the
# end of the stream.

sub fill {
    my ($self, $deadline, $what) = @_;

    return 0 if $self->{eof};

    my $sock = $self->{sock} or die "the connection is closed\n";

    while (1) {
        my $n = sysread $sock, $self->{buf}, 65536, length $self->{buf};

        return 1 if $n;

        if (defined $n || !again()) {
            $self->{eof} = 1;
            $self->{reset} = defined $n ? '' : " ($!)";
            return 0;
        }

        my $left = $deadline - time;

        die "$what did not come within $self->{timeout} s"
            . $self->leftover . "\n"
            if $left <= 0;

        IO::Select->new($sock)->can_read($left);
    }
}


sub leftover {
    my ($self) = @_;

    return '' if !length $self->{buf};
    return sprintf ', there are %d bytes: %s', length $self->{buf},
                   unpack 'H*', substr $self->{buf}, 0, 40;
}


sub deadline { return time + $_[0]->{timeout} }


sub read_head {
    my ($self) = @_;

    return $self->{response} if $self->{response};

    my $deadline = $self->deadline;

    while ($self->{buf} !~ /\r\n\r\n/) {
        $self->fill($deadline, 'a response')
            or die "the connection ended$self->{reset} before a response"
                   . $self->leftover . "\n";
    }

    $self->{buf} =~ s/\A(.*?)\r\n\r\n//s;

    my ($line, @lines) = split /\r\n/, $1;

    $line =~ m{\AHTTP/1\.[01] (\d{3})}
        or die "not a status line: $line\n";

    my %r = (code => $1, headers => []);

    for (@lines) {
        /\A([^:\s]+):[ \t]*(.*?)[ \t]*\z/
            or die "not a header: $_\n";
        push @{ $r{headers} }, [$1, $2];
    }

    $self->{response} = \%r;
    $self->{inflate} = undef;

    return \%r;
}


# All values of a header, joined; undef when it is absent.

sub header {
    my ($self, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
                                      @{ $self->read_head->{headers} };

    return @values ? join(', ', @values) : undef;
}


sub check_upgrade {
    my ($self) = @_;

    my $accept = $self->header('Sec-WebSocket-Accept') // '';
    my $expected = sha1_base64(($self->{key} // '') . GUID) . '=';

    die "Sec-WebSocket-Accept is \"$accept\", not \"$expected\"\n"
        if $accept ne $expected;

    die "no \"Upgrade: websocket\" in the response\n"
        if lc($self->header('Upgrade') // '') ne 'websocket';

    die "no \"Connection: upgrade\" in the response\n"
        if ($self->header('Connection') // '') !~ /\bupgrade\b/i;

    return;
}


sub body {
    my ($self) = @_;

    my $r = $self->read_head;

    return $r->{body} //= $self->read_body($r);
}


# Reads the answers to that many requests, which must be good ones.

sub skip_answers {
    my ($self, $n) = @_;

    for (1 .. $n) {
        my $r = $self->read_head;

        $self->body;
        die "an answer before the last has the status $r->{code}\n"
            if $r->{code} !~ /\A2/;
        $self->{response} = undef;
    }

    return;
}


sub read_body {
    my ($self, $r) = @_;

    return '' if $self->{method} eq 'HEAD'
                 || $r->{code} =~ /\A(?:1..|204|304)\z/;

    my $deadline = $self->deadline;

    return $self->read_chunked($deadline)
        if ($self->header('Transfer-Encoding') // '') =~ /\bchunked\b/i;

    my $len = $self->header('Content-Length');

    while (!defined $len || length $self->{buf} < $len) {
        last if !$self->fill($deadline, 'the rest of the body');
    }

    die "the body ended after " . length($self->{buf}) . " of $len bytes\n"
        if defined $len && length $self->{buf} < $len;

    return substr $self->{buf}, 0, $len // length $self->{buf}, '';
}


sub read_chunked {
    my ($self, $deadline) = @_;

    my $body = '';

    while (defined(my $chunk = $self->next_chunk($deadline))) {
        return $body if $chunk eq '';
        $body .= $chunk;
    }

    die "the chunked body is not complete\n";
}


sub next_chunk {
    my ($self, $deadline) = @_;

    while (1) {
        if ($self->{buf} =~ /\A([0-9a-f]+)[^\r\n]*\r\n/i) {
            my ($head, $len) = ($+[0], hex $1);

            if (length $self->{buf} >= $head + $len + 2) {
                my $chunk = substr $self->{buf}, $head, $len;
                substr($self->{buf}, 0, $head + $len + 2) = '';
                return $chunk;
            }
        }

        return undef if !$self->fill($deadline, 'a chunk');
    }
}


# The body of a response that does not end: reads until the pattern matches
# what came, and takes that off. Returns the text up to and with the match.

sub read_stream {
    my ($self, $regex) = @_;

    my $chunked = ($self->header('Transfer-Encoding') // '') =~ /chunked/i;
    my $deadline = $self->deadline;

    $self->{stream} //= '';

    while ($self->{stream} !~ $regex) {
        my $came = $chunked ? $self->next_chunk($deadline)
                            : $self->plain_part($deadline);

        die "the stream ended with \"$self->{stream}\"\n"
            if !defined $came || $came eq '';

        $self->{stream} .= $came;
    }

    # the loop's own match is forgotten with the loop
    $self->{stream} =~ $regex;

    return substr $self->{stream}, 0, $+[0], '';
}


sub plain_part {
    my ($self, $deadline) = @_;

    $self->fill($deadline, 'the stream') if !length $self->{buf};

    return substr $self->{buf}, 0, length $self->{buf}, '';
}


sub read_frame {
    my ($self, $deadline) = @_;

    while (1) {
        my $rsv = $self->extension ? 4 : 0;
        my $frame = decode_frame(\$self->{buf}, $rsv);

        if ($frame) {
            die "the server sent a frame after its Close\n" if $self->{closed};
            return $frame;
        }

        $self->fill($deadline, 'a frame')
            or die "the connection ended$self->{reset}" . $self->leftover
                   . "\n";
    }
}


# The next whole message or control frame: a hash of type (text, binary, ping,
# pong, close), data, and of a Close also code and reason.

sub read_event {
    my ($self) = @_;

    die "there was no handshake\n"
        if !$self->{response} && $self->read_head->{code} != 101;

    my $deadline = $self->deadline;

    while (1) {
        my $event = $self->take_frame($self->read_frame($deadline)) or next;

        if ($event->{type} eq 'ping') {
            $self->{last_ping} = $event->{data};

            if ($self->{auto_pong}) {
                $self->send_frame(OP_PONG, $event->{data});
                next;
            }
        }

        return $event;
    }
}


sub take_frame {
    my ($self, $f) = @_;

    if (my $type = $CONTROL{$f->{opcode}}) {
        my %event = (type => $type, data => $f->{payload});
        $self->take_close(\%event) if $type eq 'close';
        return \%event;
    }

    if ($f->{opcode} == OP_CONT) {
        my $m = $self->{message}
            or die "the server continued a message that it had not begun\n";
        die "the server set RSV1 in a continuation\n" if $f->{rsv};
        $m->{data} .= $f->{payload};

    } else {
        die "the server began a message within another\n" if $self->{message};
        $self->{message} = {
            type => $f->{opcode} == OP_TEXT ? 'text' : 'binary',
            data => $f->{payload}, compressed => $f->{rsv} == 4,
        };
    }

    $self->{message}{frames}++;

    return undef if !$f->{fin};

    return $self->finish_message(delete $self->{message});
}


sub finish_message {
    my ($self, $m) = @_;

    $m->{data} = $self->inflate($m->{data}) if $m->{compressed};

    die "the server sent text that is not UTF-8: " . unpack('H*', $m->{data})
        . "\n"
        if $m->{type} eq 'text' && !is_utf8($m->{data});

    return $m;
}


sub take_close {
    my ($self, $event) = @_;

    $self->{closed} = 1;

    return if $event->{data} eq '';

    die "the server sent a Close of one byte\n" if length $event->{data} == 1;

    @$event{qw(code reason)} = unpack 'na*', $event->{data};

    die "the server sent the close code $event->{code}\n"
        if !close_code_ok($event->{code});

    die "the server sent a close reason that is not UTF-8\n"
        if !is_utf8($event->{reason});

    return;
}


sub send_frame {
    my ($self, $opcode, $payload, %more) = @_;

    $self->send_bytes(encode_frame(opcode => $opcode, payload => $payload,
                                   %more));
    return;
}


# permessage-deflate (RFC 7692): the parameters that the server answered
# with, or nothing.

sub extension {
    my ($self) = @_;

    my $r = $self->{response} or return undef;

    return $r->{deflate} if exists $r->{deflate};

    my ($params) = ($self->header('Sec-WebSocket-Extensions') // '')
                   =~ /\bpermessage-deflate\b\s*([^,]*)/i;

    return $r->{deflate} = undef if !defined $params;

    my %p = map { /\A\s*([^=\s]+)(?:\s*=\s*"?(\d+))?/ ? ($1, $2 // 1) : () }
            split /;/, $params;

    return $r->{deflate} = \%p;
}


sub inflate {
    my ($self, $data) = @_;

    require Compress::Raw::Zlib;

    my $ext = $self->extension;

    $self->{inflate} = undef if $ext->{server_no_context_takeover};
    $self->{inflate} //= Compress::Raw::Zlib::Inflate->new(
        -WindowBits => -window_bits($ext->{server_max_window_bits}),
        -LimitOutput => 0, -ConsumeInput => 1);

    my $input = $data . "\x00\x00\xff\xff";
    my $out = '';
    my $status = $self->{inflate}->inflate($input, $out);

    die "the server sent a message that does not inflate: $status\n"
        if $status != Compress::Raw::Zlib::Z_OK()
           && $status != Compress::Raw::Zlib::Z_STREAM_END()
           && $status != Compress::Raw::Zlib::Z_BUF_ERROR();

    return $out;
}


sub deflate {
    my ($self, $data) = @_;

    require Compress::Raw::Zlib;

    my $ext = $self->extension
        or die "permessage-deflate was not negotiated\n";

    $self->{deflate} = undef if $ext->{client_no_context_takeover};
    $self->{deflate} //= Compress::Raw::Zlib::Deflate->new(
        -WindowBits => -window_bits($ext->{client_max_window_bits}),
        -AppendOutput => 1);

    my $out = '';
    $self->{deflate}->deflate($data, $out);
    $self->{deflate}->flush($out, Compress::Raw::Zlib::Z_SYNC_FLUSH());

    $out =~ s/\x00\x00\xff\xff\z//
        or die "deflate gave no sync marker\n";

    return $out;
}


# zlib knows no raw window of 2^8

sub window_bits {
    my ($bits) = @_;

    return !$bits || $bits == 1 ? 15 : $bits == 8 ? 9 : $bits;
}


sub wait_eof {
    my ($self) = @_;

    my $deadline = $self->deadline;

    while ($self->fill($deadline, 'the end of the connection')) {
        $self->{buf} = '';
    }

    return;
}


sub half_close {
    my ($self) = @_;

    shutdown $self->{sock}, SHUT_WR;

    return;
}


# Ends the connection with a RST.

sub drop {
    my ($self) = @_;

    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $self->close;

    return;
}


sub close {
    my ($self) = @_;

    my $sock = delete $self->{sock} or return;

    if ($sock->isa('IO::Socket::SSL')) {
        $sock->close(SSL_no_shutdown => 1);

    } else {
        CORE::close($sock);
    }

    return;
}


1;
