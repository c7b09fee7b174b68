package Test::Nginx::Socket;

# The client's side of the small driver: sends a block's requests, checks
# what comes back.  One assertion for each thing that a block names, as many
# as the driver from CPAN makes.

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use Test::Nginx::Util;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = (@Test::More::EXPORT, @Test::Nginx::Util::EXPORT);

$RunTestHelper = \&run_test_helper;

# "GET /uri" and a body make a whole request

sub build_request {
    my ($text, $headers) = @_;

    my ($line, $body) = split /\n/, $text, 2;

    $body = '' unless defined $body;
    chomp $body;

    $line .= ' HTTP/1.1' unless $line =~ m{ HTTP/};
    $headers = join '', map { "$_\r\n" } split /\n/, $headers || '';

    my $request = "$line\r\nHost: localhost\r\nConnection: close\r\n$headers";

    if ($line =~ /^(?:POST|PUT|PATCH)/ || length $body) {
        $request .= 'Content-Length: ' . length($body) . "\r\n";
    }

    return "$request\r\n$body";
}

sub run_request {
    my ($request) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . server_port())
        or return;
    my $end = time + timeout();
    my $response = '';

    $socket->autoflush(1);
    print $socket $request;

    while (time < $end) {
        next unless IO::Select->new($socket)->can_read(0.1);
        sysread($socket, $response, 65536, length $response) or last;
    }

    return $response;
}

sub parse_response {
    my ($response) = @_;

    my ($head, $body) = split /\r\n\r\n/, $response, 2;
    my ($status, @lines) = split /\r\n/, $head || '';
    my ($code) = ($status || '') =~ m{^HTTP/\S+ (\d+)};
    my %headers;

    for (@lines) {
        my ($name, $value) = split /:\s*/, $_, 2;
        push @{ $headers{lc $name} }, $value;
    }

    $body = '' unless defined $body;

    if (($headers{'transfer-encoding'}[0] || '') eq 'chunked') {
        my $whole = '';

        while ($body =~ s/^([0-9a-fA-F]+)\r\n//) {
            my $size = hex $1 or last;
            $whole .= substr $body, 0, $size, '';
            $body =~ s/^\r\n//;
        }

        $body = $whole;
    }

    return { code => $code, headers => \%headers, body => $body };
}

sub patterns {
    my ($text) = @_;

    return grep { ref || length } ref $text eq 'ARRAY' ? @$text
        : ref $text ? $text : map { s/^\s+|\s+$//gr } split /\n/, $text;
}

sub logged {
    my ($pattern) = @_;

    return scalar grep { ref $pattern ? /$pattern/ : index($_, $pattern) >= 0 }
        error_log_lines();
}

sub check_logs {
    my ($block) = @_;

    my $name = $block->name;

    if (defined $block->error_log) {
        for my $pattern (patterns($block->error_log)) {
            my $end = time + timeout() / 5;
            sleep 0.02 while !logged($pattern) && time < $end;
            ok(logged($pattern), "$name - error.log has $pattern")
                or diag(grep { /\[(?:emerg|alert|crit|error)\]/ }
                        error_log_lines());
        }
    }

    if (defined $block->no_error_log) {
        for my $pattern (patterns($block->no_error_log)) {
            ok(!logged($pattern), "$name - error.log has no $pattern");
        }
    }
}

sub run_test_helper {
    my ($block) = @_;

    check_request($block) unless defined $block->must_die;
    check_logs($block);
}

sub check_request {
    my ($block) = @_;

    my $name = $block->name;
    my $request = expand($block->raw_request);

    if (!defined $request) {
        return unless defined $block->request;
        $request = build_request(expand($block->request),
                                 expand($block->more_headers));
    }

    my $response = parse_response(run_request($request) // '');
    my $code = defined $block->error_code ? $block->error_code : 200;

    is($response->{code}, $code + 0, "$name - status");

    check_headers($block, $response) if defined $block->response_headers;

    if (defined $block->response_body) {
        is($response->{body}, expand($block->response_body),
           "$name - body");
    }

    if (defined $block->response_body_like) {
        my $pattern = $block->response_body_like;
        chomp $pattern unless ref $pattern;
        like($response->{body}, ref $pattern ? $pattern : qr/$pattern/s,
             "$name - body");
    }
}

sub check_headers {
    my ($block, $response) = @_;

    for my $line (grep { length } split /\n/,
                  expand($block->response_headers))
    {
        my $name = $block->name;

        if ($line =~ /^!\s*(\S+)/) {
            ok(!$response->{headers}{lc $1}, "$name - no header $1");
            next;
        }

        my ($header, $value) = split /:\s*/, $line, 2;
        is(join(', ', @{ $response->{headers}{lc $header} || [] }), $value,
           "$name - header $header");
    }
}

1;
