package Test::Nginx::Client;

# A WebSocket client that does only what it is told, and accepts from the
# server only what RFC 6455 allows.

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use Encode ();
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

our %Opcode = (text => 1, binary => 2, close => 8, ping => 9, pong => 10);

sub new {
    my ($class, $timeout) = @_;

    return bless { timeout => $timeout, in => '', early => '',
                   headers => {} }, $class;
}

sub connect {
    my ($self, $port, $tls) = @_;

    return if $self->{socket};

    my $class = 'IO::Socket::INET';
    my @options;

    if ($tls) {
        require IO::Socket::SSL;
        $class = 'IO::Socket::SSL';
        @options = (SSL_verify_mode => 0);
    }

    $self->{socket} = $class->new(PeerAddr => "127.0.0.1:$port", @options)
        or die "cannot connect to port $port: $!\n";
    $self->{socket}->autoflush(1);
    setsockopt($self->{socket}, IPPROTO_TCP, TCP_NODELAY, 1);
}

sub header { $_[0]{headers}{$_[1]} = $_[2] }

sub early { $_[0]{early} .= $_[1] }

sub send_raw {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $n = syswrite($self->{socket}, $bytes);
        die "cannot send: $!\n" unless $n;
        substr($bytes, 0, $n, '');
    }
}

sub send_bytewise {
    my ($self, $bytes) = @_;

    for (split //, $bytes) {
        $self->send_raw($_);
        sleep 0.002;
    }
}

sub handshake {
    my ($self, $line) = @_;

    my %headers = ('Host' => 'localhost', 'Upgrade' => 'websocket',
        'Connection' => 'Upgrade', 'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' =>
            encode_base64(join('', map { chr rand 256 } 1 .. 16), ''),
        %{ $self->{headers} });

    $self->{key} = $headers{'Sec-WebSocket-Key'};
    $line .= ' HTTP/1.1' unless $line =~ m{ HTTP/};

    $self->send_raw("$line\r\n"
        . join('', map { "$_: $headers{$_}\r\n" }
                   grep { length $headers{$_} } sort keys %headers)
        . "\r\n" . $self->{early});

    $self->{early} = '';
}

# reads until there are n bytes, or something that matches

sub fill {
    my ($self, $want) = @_;

    my $end = time + $self->{timeout};
    my $socket = $self->{socket};

    while (ref $want ? $self->{in} !~ $want : length $self->{in} < $want) {

        my $left = $end - time;
        die "nothing came in time\n" if $left <= 0;

        my $pending = $socket->can('pending') && $socket->pending;
        next unless $pending || IO::Select->new($socket)->can_read($left);

        my $n = sysread($socket, $self->{in}, 65536, length $self->{in});
        die "connection ended\n" unless $n;
    }
}

sub response {
    my ($self) = @_;

    $self->fill(qr/\r\n\r\n/);
    $self->{in} =~ s/^(.*?)\r\n\r\n//s;

    my ($status, @lines) = split /\r\n/, $1;
    my ($code) = $status =~ m{^HTTP/1\.1 (\d+) \w};
    my %headers;

    for (@lines) {
        my ($name, $value) = split /:\s*/, $_, 2;
        $headers{lc $name} = $value;
    }

    $self->{response} = \%headers;

    if ($code && $code == 101) {
        my $accept = sha1_base64($self->{key}
                                 . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
                     . '=';
        die "wrong Sec-WebSocket-Accept\n"
            unless ($headers{'sec-websocket-accept'} || '') eq $accept;

    } elsif (defined $headers{'content-length'}) {
        $self->fill($headers{'content-length'});
        $self->{body} = substr $self->{in}, 0, $headers{'content-length'}, '';
    }

    return $code || $status;
}

sub frame {
    my ($self, %f) = @_;

    my $payload = $f{payload};
    my $mask = defined $f{mask} ? $f{mask} : 1;
    my $size = length $payload;
    my $length = defined $f{len} ? $f{len} : $size;

    my $head = chr(($f{fin} << 7) | (($f{rsv} || 0) << 4) | $f{opcode});
    my $bit = $mask ? 0x80 : 0;

    $head .= $length < 126 ? chr($bit | $length)
        : $length < 65536 ? chr($bit | 126) . pack('n', $length)
                          : chr($bit | 127) . pack('Q>', $length);

    return $head . $payload unless $mask;

    my $key = join '', map { chr rand 256 } 1 .. 4;

    return $head . $key
        . ($payload ^ substr($key x ($size / 4 + 1), 0, $size));
}

# the next frame: ["text", payload]; the reasons for which it dies are ours

sub read_frame {
    my ($self) = @_;

    $self->fill(2);
    my ($first, $second) = unpack 'CC', $self->{in};

    die sprintf("reserved bits in frame %02x\n", $first) if $first & 0x70;
    die "a fragment\n" unless $first & 0x80;
    die "a masked frame\n" if $second & 0x80;

    my ($name) = grep { $Opcode{$_} == ($first & 15) } keys %Opcode;
    die sprintf("opcode of frame %02x\n", $first) unless $name;

    my ($size, $skip) = ($second, 2);

    if ($second == 126) {
        $self->fill($skip = 4);
        $size = unpack 'n', substr $self->{in}, 2, 2;
        die "length $size in 16 bits\n" if $size < 126;

    } elsif ($second == 127) {
        $self->fill($skip = 10);
        $size = unpack 'Q>', substr $self->{in}, 2, 8;
        die "length $size in 64 bits\n" if $size < 65536;
    }

    die "control frame of $size bytes\n" if $first & 8 && $size > 125;

    $self->fill($skip + $size);
    substr $self->{in}, 0, $skip, '';

    my $payload = substr $self->{in}, 0, $size, '';

    my $text = $name eq 'close' ? substr($payload . '  ', 2)
             : $name eq 'text' ? $payload : '';
    eval { Encode::decode('UTF-8', my $copy = $text, Encode::FB_CROAK); 1 }
        or die "not UTF-8 in $name\n";

    return [$name, $payload];
}

sub read_eof {
    my ($self) = @_;

    eval { $self->fill(length($self->{in}) + 1); 1 }
        and die 'more came: ' . unpack('H*', substr $self->{in}, 0, 32) . "\n";

    die $@ unless $@ eq "connection ended\n";
}

sub drop {
    my ($self, $reset) = @_;

    setsockopt($self->{socket}, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0)
        if $reset;
    close delete $self->{socket};
}

1;
