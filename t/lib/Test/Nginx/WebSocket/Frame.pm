package Test::Nginx::WebSocket::Frame;

# Frames of RFC 6455: an encoder that can be told to send nonsense, and a
# decoder that accepts nothing a server must not send.

use strict;
use warnings;

use parent 'Exporter';

our @EXPORT_OK = qw(encode_frame decode_frame is_utf8 close_code_ok
                    OP_CONT OP_TEXT OP_BINARY OP_CLOSE OP_PING OP_PONG);

use constant {
    OP_CONT   => 0,
    OP_TEXT   => 1,
    OP_BINARY => 2,
    OP_CLOSE  => 8,
    OP_PING   => 9,
    OP_PONG   => 10,
};


# encode_frame(opcode => N, payload => BYTES, ...)
#
#   fin      0 or 1, default 1
#   rsv      three bits, RSV1 is 4, default 0
#   mask     1: a random key (default), 0: no mask, eight hex digits: the key
#   len      the length that the header claims, default that of the payload
#   lenbytes 0, 2 or 8: the form of the length, default the shortest one

sub encode_frame {
    my (%f) = @_;

    my $payload = $f{payload} // '';
    my $mask = $f{mask} // 1;
    my $first = (($f{fin} // 1) << 7) | (($f{rsv} // 0) << 4)
                | ($f{opcode} // OP_TEXT);

    my $head = pack('C', $first)
               . length_bytes($f{len} // length $payload, $f{lenbytes},
                              $mask ne '0');

    return $head . $payload if $mask eq '0';

    my $key = $mask =~ /\A[0-9a-f]{8}\z/i ? pack('H8', $mask)
                                          : pack('N', int rand 2 ** 32);

    return $head . $key . xor_mask($payload, $key);
}


sub length_bytes {
    my ($len, $form, $masked) = @_;

    $form //= $len < 126 ? 0 : $len < 65536 ? 2 : 8;

    my $bit = $masked ? 0x80 : 0;

    return pack('C', $bit | $len) if $form == 0;
    return pack('Cn', $bit | 126, $len) if $form == 2;
    return pack('CQ>', $bit | 127, $len);
}


sub xor_mask {
    my ($payload, $key) = @_;

    my $n = length $payload;

    return $payload ^ substr($key x (int($n / 4) + 1), 0, $n);
}


# decode_frame(\$buf, $rsv_allowed): takes one frame off the buffer. Returns a
# hash of fin, rsv, opcode and payload, or undef while the frame is incomplete.
# Dies as soon as the bytes that are there break the protocol.

sub decode_frame {
    my ($buf, $rsv_allowed) = @_;

    return undef if length $$buf < 2;

    my ($first, $second) = unpack 'CC', $$buf;
    my %f = (fin => $first >> 7, rsv => ($first >> 4) & 7,
             opcode => $first & 15);

    check_head(\%f, $second, $rsv_allowed // 0);

    my ($len, $head) = payload_length($buf, $second & 127);

    return undef if !defined $len || length $$buf < $head + $len;

    $f{payload} = substr $$buf, $head, $len;
    substr($$buf, 0, $head + $len) = '';

    return \%f;
}


sub check_head {
    my ($f, $second, $rsv_allowed) = @_;

    my ($op, $len) = ($f->{opcode}, $second & 127);

    die "the server sent a masked frame\n" if $second & 128;
    die "the server sent the opcode $op\n" if $op > 10 || ($op > 2 && $op < 8);
    die "the server set the RSV bits $f->{rsv}\n" if $f->{rsv} & ~$rsv_allowed;

    return if $op < 8;

    die "the server set an RSV bit in a control frame\n" if $f->{rsv};
    die "the server fragmented a control frame\n" if !$f->{fin};
    die "the server sent a control frame over 125 bytes\n" if $len > 125;
}


sub payload_length {
    my ($buf, $len) = @_;

    return ($len, 2) if $len < 126;

    if ($len == 126) {
        return (undef, 4) if length $$buf < 4;
        $len = unpack 'x2n', $$buf;
        die "the server sent the length $len in two bytes\n" if $len < 126;
        return ($len, 4);
    }

    return (undef, 10) if length $$buf < 10;
    $len = unpack 'x2Q>', $$buf;
    die "the server sent the length $len in eight bytes\n" if $len < 65536;
    die "the server sent a length of 2^63 or more\n" if $len >> 63;

    return ($len, 10);
}


# Well-formed UTF-8 in the sense of Unicode, table 3-7.

sub is_utf8 {
    my ($bytes) = @_;

    pos($bytes) = 0;

    while ($bytes =~ m{\G(?: [\x00-\x7f]{1,30000}+
                           | [\xc2-\xdf] [\x80-\xbf]
                           | \xe0 [\xa0-\xbf] [\x80-\xbf]
                           | [\xe1-\xec\xee\xef] [\x80-\xbf]{2}
                           | \xed [\x80-\x9f] [\x80-\xbf]
                           | \xf0 [\x90-\xbf] [\x80-\xbf]{2}
                           | [\xf1-\xf3] [\x80-\xbf]{3}
                           | \xf4 [\x80-\x8f] [\x80-\xbf]{2} )}gcx)
    {
    }

    return (pos($bytes) // 0) == length $bytes;
}


# The codes that may travel in a Close frame: RFC 6455, section 7.4, and the
# ones registered later.

sub close_code_ok {
    my ($code) = @_;

    return $code >= 1000 && $code <= 1014
           && $code != 1004 && $code != 1005 && $code != 1006
           || $code >= 3000 && $code <= 4999;
}


1;
