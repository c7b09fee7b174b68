package Test::Nginx::Socket;

# The half of the driver that sends the requests of a block and makes its
# assertions, as many and of the same kind as the module of the same name.

use strict;
use warnings;

use HTTP::Response ();
use IO::Select ();
use IO::Socket::INET ();
use Test::Base ();
use Test::More ();
use Time::HiRes qw(sleep time);

use Test::Nginx::Util;

our @ISA = ('Test::Base');

our @EXPORT = qw(
    add_block_preprocessor add_cleanup_handler add_response_body_check
    add_test_cleanup_handler bail_out check_accum_error_log config_preamble
    env_to_nginx html_dir is_str log_level master_off master_on
    master_process_enabled no_long_string no_nginx_manager no_root_location
    no_shuffle repeat_each run_tests server_addr server_name server_port
    server_port_for_client server_root timeout use_hup worker_connections
    workers
);

$RunTestHelper = \&run_test_helper;
$CheckErrorLog = \&check_error_log;
$CheckShutdownErrorLog = \&check_shutdown_error_log;

my @ResponseBodyChecks;


sub add_response_body_check {
    push @ResponseBodyChecks, shift;
}


sub run_test_helper {
    my ($block, $dry_run, $repeat) = @_;

    my @requests = requests_of($block);
    my $pipelined = $block->pipelined_requests;
    my $n = $pipelined ? @$pipelined : @requests;
    my $raw = '';

    for my $i (0 .. $n - 1) {
        $raw = exchange($block, $requests[$i]) if !$pipelined || $i == 0;

        $raw = check_response($block, $raw, $requests[$i] // $requests[0],
                              $i, $n, $repeat)
            if !defined $block->ignore_response;

        sleep parse_time($block->wait) if $block->wait;

        check_error_log($block, undef, $dry_run, $repeat, $n > 1);
        check_access_log($block, $dry_run, $repeat)
            if !defined $block->ignore_response;
    }

    return;
}


# Each request is an array of packets, which are hashes of value and, if one
# is wanted, delay_before.

sub requests_of {
    my ($block) = @_;

    my $name = $block->name;

    if (defined(my $raw = $block->raw_request)) {
        return [map { { value => $_ } } ref $raw ? @$raw : $raw];
    }

    if (defined(my $list = $block->pipelined_requests)) {
        bail_out("$name - pipelined_requests takes an array")
            if ref $list ne 'ARRAY';
        return [{ value => join '', map {
            build_request($block, $list->[$_], $_,
                          $_ < $#$list ? 'keep-alive' : 'close')
        } 0 .. $#$list }];
    }

    my $request = $block->request // bail_out("$name - no request");

    if (!ref $request) {
        $request =~ s/\A(?:\s*#[^\n]*\n|\s+)+//;
        return [{ value => build_request($block, $request, 0, 'close') }];
    }

    return map { packets_of($block, $request->[$_], $_) } 0 .. $#$request;
}


# A request in packets: the first must hold the whole request line.

sub packets_of {
    my ($block, $request, $i) = @_;

    return [{ value => build_request($block, $request, $i, 'close') }]
        if !ref $request;

    my @packets = map { ref $_ ? { %$_ } : { value => $_ } } @$request;

    $packets[-1]{value} =~ s/\s+\z//;

    my $whole = build_request($block, join('', map { $_->{value} } @packets),
                              $i, 'close');
    my $rest = join '', map { $_->{value} } @packets[1 .. $#packets];
    my $head = length($whole) - length $rest;

    bail_out($block->name, ' - the second packet begins in the request line')
        if $head < 0 || substr($whole, $head) ne $rest;

    $packets[0]{value} = substr $whole, 0, $head;

    return \@packets;
}


sub build_request {
    my ($block, $text, $i, $connection) = @_;

    $text = expand_env_in_text($text, $block->name,
                               $Test::Nginx::Util::RandPorts);

    my ($line, $body) = $text =~ /\A\s*([^\n]*?)[ \r]*(?:\n(.*))?\z/s;
    my ($method, $uri, $version) = split ' ', $line, 3;

    bail_out($block->name, ' - the request line is empty')
        if !defined $method;

    my $headers = more_headers($block, $i);

    $body = trim_body($body);
    $headers .= 'Content-Length: ' . length($body) . "\r\n"
        if length $body && $headers !~ /^Content-Length:/m
           && $headers !~ /^Transfer-Encoding:\s*chunked/mi;

    my $defaults = '';
    $defaults .= 'Host: ' . server_name() . "\r\n"
        if $headers !~ /^Host:/mi;
    $defaults .= "Connection: $connection\r\n"
        if $headers !~ /^Connection/mi;

    return join(' ', $method, $uri // '/', $version // 'HTTP/1.1')
           . "\r\n$defaults$headers\r\n$body";
}


sub trim_body {
    my ($body) = @_;

    return '' if !defined $body;

    $body =~ s/\A\s+|\s+\z//g;

    return $body;
}


sub more_headers {
    my ($block, $i) = @_;

    my $more = $block->more_headers // '';

    $more = $more->[$i] // '' if ref $more;

    return join '', map { my ($name, $value) = split /:\s*/, $_, 2;
                          "$name: " . ($value // '') . "\r\n" }
                    grep { !/^\s*#/ } split /\n+/, $more;
}


# Sends the packets and reads until the server closes. Returns what it sent.

sub exchange {
    my ($block, $packets) = @_;

    my $name = $block->name;
    my $timeout = parse_time($block->timeout) // timeout();
    my $sock = IO::Socket::INET->new(
        PeerAddr => $block->server_addr_for_client // $ServerAddr,
        PeerPort => $ServerPortForClient, Proto => 'tcp',
        Timeout => $timeout);

    if (!$sock) {
        Test::More::fail("$name - cannot connect: $!");
        return '';
    }

    local $SIG{PIPE} = 'IGNORE';

    send_packets($block, $sock, $packets);

    if (defined(my $how = $block->shutdown)) {
        shutdown $sock, $how =~ /\d/ ? $how : 1;
    }

    return read_all($block, $sock, $timeout);
}


# A server that answers early may close before it has all: that is no error.

sub send_packets {
    my ($block, $sock, $packets) = @_;

    my $first = 1;

    for my $packet (@$packets) {
        my $delay = $packet->{delay_before}
                    // parse_time($block->raw_request_middle_delay);

        sleep $delay if $delay && !$first;
        $first = 0;

        print {$sock} $packet->{value} or last;
        $sock->flush or last;
    }

    return;
}


sub read_all {
    my ($block, $sock, $timeout) = @_;

    my $raw = '';
    my $select = IO::Select->new($sock);

    while ($select->can_read($timeout)) {
        my $n = sysread $sock, $raw, 65536, length $raw;
        return $raw if !$n;
    }

    Test::More::fail('ERROR: client socket timed out - ' . $block->name)
        if !defined $block->abort;

    return $raw;
}


# The assertions for the first response in $raw. Returns what follows it.

sub check_response {
    my ($block, $raw, $packets, $i, $n, $repeat) = @_;

    my $is_head = ($packets->[0]{value} // '') =~ /\A\s*HEAD\s/;
    my ($headers, $res, $left) = parse_response($block, $raw, $is_head);
    my $pick = sub { indexed($block, $_[0], $i, $n) };

    check_error_code($block, $res, $pick);
    check_raw_headers($block, $headers, $pick);
    check_headers($block, $res, $headers, $pick);
    filter_body($block, $res, $i);
    check_body($block, $res, $pick, "(repeated req $repeat, req $i)");

    $_->($block, $res->content, $i, $repeat, '') for @ResponseBodyChecks;

    return $left;
}


sub parse_response {
    my ($block, $raw, $is_head) = @_;

    return ('', HTTP::Response->new(200, 'OK', [], $raw), '')
        if defined $block->http09;

    my ($headers, $rest) = $raw =~ /\A(.*?\r\n)\r\n(.*)\z/s ? ($1, $2)
                                                             : ($raw, '');
    my $res = HTTP::Response->parse("$headers\r\n");

    $res->code('') if ($res->code // '') !~ /\A\d+\z/;
    return ($headers, $res, $rest) if $res->code =~ /\A(?:101|304)\z/;

    $res->content(take_body($block, $res, \$rest, $is_head));

    return ($headers, $res, $rest);
}


sub take_body {
    my ($block, $res, $rest, $is_head) = @_;

    return dechunk($block, $rest, $is_head)
        if ($res->header('Transfer-Encoding') // '') eq 'chunked';

    my $len = $res->header('Content-Length');

    return substr $$rest, 0, length $$rest, '' if ($len // '') !~ /\A\d+\z/;

    warn 'WARNING: ', $block->name, " - response body truncated: $len ",
         'expected, but got ', length $$rest, "\n"
        if length $$rest < $len && !$is_head;

    return substr $$rest, 0, $len < length $$rest ? $len : length $$rest, '';
}


sub dechunk {
    my ($block, $rest, $is_head) = @_;

    my $body = '';

    while ($$rest =~ /\A[ \t]*([0-9a-f]+)[^\r\n]*\r\n/i) {
        my ($head, $len) = ($+[0], hex $1);

        if ($len == 0) {
            $$rest =~ s/\A[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n//
                or last;
            return $body;
        }

        last if length $$rest < $head + $len + 2;

        $body .= substr $$rest, $head, $len;
        substr($$rest, 0, $head + $len + 2) = '';
    }

    Test::More::fail($block->name . ' - invalid chunked body') if !$is_head;

    return $body;
}


# With several requests, a section is an array with an element for each.

sub indexed {
    my ($block, $value, $i, $n) = @_;

    return $value->[$i] if ref $value eq 'ARRAY';

    bail_out($block->name, ' - several requests need arrays of expected values')
        if $n > 1;

    return $value;
}


sub check_error_code {
    my ($block, $res, $pick) = @_;

    my $title = $block->name . ' - status code ok';

    if (defined $block->error_code_like) {
        my $re = $pick->($block->error_code_like);
        Test::More::like($res->code, qr/$re/sm, $title);

    } elsif (defined $block->error_code) {
        Test::More::is($res->code, $pick->($block->error_code), $title);

    } else {
        Test::More::is($res->code, 200, $title);
    }

    return;
}


sub check_raw_headers {
    my ($block, $headers, $pick) = @_;

    my $name = $block->name;

    if (defined $block->raw_response_headers_like) {
        my $re = $pick->($block->raw_response_headers_like);
        Test::More::like($headers, qr/$re/s, "$name - raw resp headers like");
    }

    if (defined $block->raw_response_headers_unlike) {
        my $re = $pick->($block->raw_response_headers_unlike);
        Test::More::unlike($headers, qr/$re/s,
                           "$name - raw resp headers unlike");
    }

    return;
}


sub check_headers {
    my ($block, $res, $raw, $pick) = @_;

    my $name = $block->name;
    my $like = !defined $block->response_headers;
    my $section = $like ? $block->response_headers_like
                        : $block->response_headers;

    return if !defined $section;

    my $headers = parse_headers($pick->($section));

    for my $key (sort keys %$headers) {
        my $want = $headers->{$key};
        my $got = $res->header($key) // '';

        if ($like) {
            $want //= '';
            Test::More::like($got, qr/^$want$/, "$name - header $key like ok");

        } elsif (!defined $want) {
            Test::More::unlike($raw, qr/^\s*\Q$key\E\s*:/mi,
                               "$name - header $key not present");

        } else {
            Test::More::is($got, with_ports($want), "$name - header $key ok");
        }
    }

    return;
}


sub with_ports {
    my ($text) = @_;

    $text =~ s/\$ServerPort\b/$ServerPort/g;
    $text =~ s/\$ServerPortForClient\b/$ServerPortForClient/g;

    return $text;
}


sub filter_body {
    my ($block, $res, $i) = @_;

    my $filters = $block->response_body_filters // return;
    my $content = $res->content;

    $filters = [split ' ', $filters] if !ref $filters;
    $filters = [$filters] if ref $filters eq 'CODE';
    $filters = $filters->[$i] if ref $filters->[0] eq 'ARRAY';

    for my $filter (@$filters) {
        $content = ref $filter ? $filter->($content)
                               : named_filter($block, $filter, $content);
    }

    $res->content($content);

    return;
}


sub named_filter {
    my ($block, $filter, $content) = @_;

    require Digest::MD5;
    require Digest::SHA;

    my $code = {
        md5_hex => \&Digest::MD5::md5_hex, sha1_hex => \&Digest::SHA::sha1_hex,
        uc => sub { uc $_[0] }, lc => sub { lc $_[0] },
        ucfirst => sub { ucfirst $_[0] }, lcfirst => sub { lcfirst $_[0] },
        length => sub { length $_[0] },
    }->{$filter} or bail_out($block->name, " - no body filter \"$filter\"");

    return $code->($content);
}


sub check_body {
    my ($block, $res, $pick, $which) = @_;

    my $name = $block->name;
    my $content = $res->content;

    if (defined $block->response_body) {
        my $want = $pick->($block->response_body);

        $want = expand_env_in_text(with_ports($want), $name,
                                   $Test::Nginx::Util::RandPorts)
            if defined $want && !ref $want;

        is_str($content, $want,
               "$name - response_body - response is expected $which");

    } elsif (defined $block->response_body_like) {
        my $re = with_ports($pick->($block->response_body_like));
        Test::More::like($content, qr/$re/s,
                         "$name - response_body_like $which");

    } elsif (defined $block->response_body_unlike) {
        my $re = with_ports($pick->($block->response_body_unlike));
        Test::More::unlike($content, qr/$re/s,
                           "$name - response_body_unlike $which");
    }

    return;
}


# One pattern a line, a regular expression, or an array of both.

sub patterns {
    my ($section) = @_;

    return () if !defined $section;
    return $section if ref $section eq 'Regexp';
    return grep { defined } @$section if ref $section;

    return split /\n+/, $section =~ s/\n\z//r;
}


sub line_with {
    my ($pattern, $lines) = @_;

    my ($found) = grep { ref $pattern ? /$pattern/ : index($_, $pattern) >= 0 }
                       @$lines;

    return $found;
}


# nginx writes a log when the client may have gone already, so a pattern that
# must match is waited for.

sub lines_with_all {
    my ($read, $patterns) = @_;

    my $lines;

    if (@$patterns) {
        Test::Nginx::Util::wait_for(timeout(), sub {
            $lines = $read->();
            return !grep { !defined line_with($_, $lines) } @$patterns;
        });
        return $lines;
    }

    sleep sleep_time();

    return $read->();
}


sub check_log {
    my ($name, $log, $read, $section, $no_section, $suffix) = @_;

    return if !defined $section && !defined $no_section;

    my @wanted = patterns($section);
    my $lines = lines_with_all($read, \@wanted);

    for my $pattern (@wanted) {
        Test::More::ok(defined line_with($pattern, $lines),
            "$name - pattern \"$pattern\" matches a line in $log$suffix")
            or Test::More::diag(grep { !/ \[debug\] / } @$lines);
    }

    for my $pattern (patterns($no_section)) {
        my $line = line_with($pattern, $lines);

        Test::More::ok(!defined $line,
            "$name - pattern \"$pattern\" does not match a line in "
            . "$log$suffix");
        Test::More::diag($line) if defined $line;
    }

    return;
}


sub check_error_log {
    my ($block, $res, $dry_run, $repeat, $need_array) = @_;

    my $name = $block->name;

    check_grep_error_log($block, $repeat);
    check_log($name, 'error.log', \&error_log_data,
              scalar $block->error_log, scalar $block->no_error_log,
              " (req $repeat)");

    Test::Nginx::Util::forget_error_log()
        if grep { defined } $block->error_log, $block->no_error_log,
                            $block->grep_error_log;

    return;
}


sub check_grep_error_log {
    my ($block, $repeat) = @_;

    my $name = $block->name;
    my $grep = $block->grep_error_log;

    $grep = $grep->[$repeat] if ref $grep eq 'ARRAY';
    return if !defined $grep;

    my $want = $block->grep_error_log_out
               // bail_out("$name - grep_error_log without its _out");

    $want = $want->[$repeat] if ref $want eq 'ARRAY';
    $want = expand_env_in_text($want, $name, $Test::Nginx::Util::RandPorts)
        if !ref $want;

    my $got;

    sleep sleep_time();
    Test::Nginx::Util::wait_for(timeout(), sub {
        $got = grep_lines($grep, error_log_data());
        return ref $want ? $got =~ $want : $got eq $want;
    });

    is_str($got, $want, "$name - grep_error_log_out (req $repeat)");

    return;
}


sub grep_lines {
    my ($pattern, $lines) = @_;

    my $re = ref $pattern ? $pattern : qr/\Q$pattern\E/;

    return join '', map { /$re/ && $& !~ /\n/ ? "$&\n" : () } @$lines;
}


sub check_access_log {
    my ($block, $dry_run, $repeat) = @_;

    check_log($block->name, 'access.log', \&access_log_data,
              scalar $block->access_log, scalar $block->no_access_log,
              " (req $repeat)");

    return;
}


sub check_shutdown_error_log {
    my ($block, $dry_run) = @_;

    if ($dry_run) {
        Test::More->builder->skip('the server is reloaded')
            for patterns($block->shutdown_error_log),
                patterns($block->no_shutdown_error_log);
        return;
    }

    check_log($block->name, 'error.log', \&error_log_data,
              scalar $block->shutdown_error_log,
              scalar $block->no_shutdown_error_log, '');

    return;
}


1;
