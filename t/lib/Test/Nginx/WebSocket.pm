package Test::Nginx::WebSocket;

# Test::Nginx::Socket with a section "--- websocket", and with the demand that
# no block leaves an alert or a sanitizer's report. See t/README.md.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec ();
use Test::Base ();
use Test::More ();
use Time::HiRes qw(sleep);

BEGIN {
    # where Test::Nginx is installed, that is what runs the tests
    if (!eval { require Test::Nginx::Socket; 1 }) {
        die $@ if $@ !~ m{\ACan't locate Test/Nginx/Socket\.pm };

        push @INC, File::Spec->rel2abs(dirname(__FILE__) . '/../../driver');
        require Test::Nginx::Socket;
    }

    require Test::Nginx::Util;
}

use Test::Nginx::WebSocket::Control;
use Test::Nginx::WebSocket::Dialogue;

our @ISA = ('Test::Nginx::Socket');
our @EXPORT = qw(plan_tests test_count);

my $LEVEL = qr{\A\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(alert|crit|emerg)\]};
my $REPORT = qr{ERROR:\ \w+Sanitizer | SUMMARY:\ \w+Sanitizer | LeakSanitizer
                | :\ runtime\ error:
                | ==\d+==.*\b(?:Invalid\ (?:read|write|free) | uninitialised
                                | Mismatched\ free)
                | \bAssertion\ .*\ failed }x;

my $Slow = grep { $ENV{$_} } qw(ASAN_OPTIONS LD_PRELOAD TEST_NGINX_LD_PRELOAD
                                TEST_NGINX_USE_VALGRIND);
my $StepTimeout = $ENV{TEST_NGINX_TIMEOUT} || ($Slow ? 20 : 5);

# marks a no_shutdown_error_log that is there only to be called back
my $CALL_BACK = [];

my (%Scanned, %Killed, $Ran);

my $NoRootLocation;
my $run_helper = $Test::Nginx::Util::RunTestHelper;
my $check_shutdown = $Test::Nginx::Util::CheckShutdownErrorLog;

$Test::Nginx::Util::RunTestHelper = \&run_block;
$Test::Nginx::Util::CheckShutdownErrorLog = \&after_shutdown;

Test::Nginx::Util::add_block_preprocessor(sub { prepare_block($_[0]) });


# Plans for the number of assertions that the blocks of the file will make.

sub plan_tests {
    Test::More::plan(tests => test_count());

    return;
}


sub test_count {
    my $n = 0;

    for my $block (Test::Base::blocks()) {
        next if defined $block->SKIP;
        $n += Test::Nginx::Util::repeat_each() * count_repeat($block);
        $n += patterns($block->shutdown_error_log);
        $n += patterns($block->no_shutdown_error_log);
    }

    return $n;
}


# The assertions of one repetition of a block.

sub count_repeat {
    my ($block) = @_;

    return 1 + count_error_log($block) if defined $block->must_die;

    my $n = 0;

    $n += Test::Nginx::WebSocket::Dialogue::count($block->websocket) + 1
        if defined $block->websocket;

    return $n + count_error_log($block) + count_access_log($block)
        if !has_request($block);

    my $requests = count_requests($block);

    $n += count_error_log($block) * $requests;
    return $n if defined $block->ignore_response;

    $n += count_access_log($block) * $requests;
    $n += count_response($block, $_) for 0 .. $requests - 1;

    return $n;
}


sub has_request {
    my ($block) = @_;

    return grep { defined $block->$_ }
                qw(request raw_request pipelined_requests);
}


sub count_requests {
    my ($block) = @_;

    return 1 if defined $block->raw_request;

    my $list = $block->pipelined_requests // $block->request;

    return ref $list ? scalar @$list : 1;
}


sub count_response {
    my ($block, $i) = @_;

    my $headers = $block->response_headers // $block->response_headers_like;

    $headers = $headers->[$i] if ref $headers;

    my $n = 1;

    $n += keys %{ Test::Nginx::Util::parse_headers($headers) }
        if defined $headers;
    $n += grep { defined $block->$_ } qw(raw_response_headers_like
                                         raw_response_headers_unlike);
    $n += 1 if grep { defined $block->$_ } qw(response_body
                   response_body_eval response_body_like response_body_unlike);

    return $n;
}


sub count_error_log {
    my ($block) = @_;

    return patterns($block->error_log) + patterns($block->no_error_log)
           + (defined $block->grep_error_log ? 1 : 0);
}


sub count_access_log {
    my ($block) = @_;

    return patterns($block->access_log) + patterns($block->no_access_log);
}


# The patterns of a section; their number where a number is wanted.

sub patterns {
    my ($section) = @_;

    my @list = !defined $section ? ()
               : ref $section eq 'Regexp' ? $section
               : ref $section ? grep { defined } @$section
               : split /\n+/, $section =~ s/\n\z//r;

    return @list;
}


sub prepare_block {
    my ($block) = @_;

    # the number before the colon need not be counted by hand
    for my $section (qw(skip_nginx skip_nginx2 skip_openssl skip_eval)) {
        my $spec = $block->$section;
        my $n = count_repeat($block);

        $block->set_value($section, $spec =~ s/\A\s*\d+/$n/r)
            if defined $spec;
    }

    $block->set_value(no_shutdown_error_log => $CALL_BACK)
        if !defined $block->shutdown_error_log
           && !defined $block->no_shutdown_error_log;

    # a block may have a "location /" of its own
    $NoRootLocation //= $Test::Nginx::Util::NoRootLocation || 0;
    $Test::Nginx::Util::NoRootLocation = $NoRootLocation
        || ($block->config // '') =~ m{^\s*location\s+/\s*\{}m;

    return;
}


sub run_block {
    my ($block, $dry_run, $repeat) = @_;

    $Ran = $block;

    return run_websocket(@_) if defined $block->websocket;

    $run_helper->(@_);
    report($block, findings($block));

    return;
}


sub run_websocket {
    my ($block, $dry_run, $repeat) = @_;

    if ($dry_run) {
        my $n = Test::Nginx::WebSocket::Dialogue::count($block->websocket);
        Test::More->builder->skip($block->name . " - $dry_run") for 0 .. $n;

    } else {
        run_dialogue($block);
    }

    return $run_helper->(@_) if has_request($block);

    sleep $block->wait if $block->wait;

    $Test::Nginx::Util::CheckErrorLog->($block, undef, $dry_run, $repeat, 0);
    Test::Nginx::Socket::check_access_log($block, $dry_run, $repeat);
    report($block, findings($block));

    return;
}


# The last assertion is that all was done, and nothing is wrong in the logs.

sub run_dialogue {
    my ($block) = @_;

    my $dialogue = dialogue($block);
    my ($done, $why) = $dialogue->run;
    my @found = findings($block);

    Test::More::ok($done && !@found, $block->name . ' - done, logs clean');
    Test::More::diag($why) if !$done;
    Test::More::diag(@found) if @found;

    $dialogue->finish;

    return;
}


sub dialogue {
    my ($block) = @_;

    my $timeout = Test::Nginx::Util::parse_time($block->timeout)
                  // $StepTimeout;
    my $logs = $Test::Nginx::Util::ServRoot . '/logs';

    my $control = Test::Nginx::WebSocket::Control->new(
        pid_file => $Test::Nginx::Util::PidFile,
        error_log => "$logs/error.log", access_log => "$logs/access.log",
        workers => Test::Nginx::Util::workers(), timeout => $timeout,
        killed => \%Killed,
        master => Test::Nginx::Util::master_process_enabled() eq 'on');

    return Test::Nginx::WebSocket::Dialogue->new(
        name => $block->name, text => $block->websocket,
        host => $Test::Nginx::Util::ServerAddr,
        port => $Test::Nginx::Util::ServerPortForClient,
        server_name => $Test::Nginx::Util::ServerName,
        timeout => $timeout, control => $control,
        expand => sub { expand($block, $_[0]) });
}


sub expand {
    my ($block, $text) = @_;

    $text =~ s/\$ServerPort\b/$Test::Nginx::Util::ServerPort/g;
    $text =~ s/\$ServerPortForClient\b
              /$Test::Nginx::Util::ServerPortForClient/gx;

    return Test::Nginx::Util::expand_env_in_text($text, $block->name,
               $Test::Nginx::Util::RandPorts);
}


# The lines that should not be in the logs, and were not reported before.

sub findings {
    my ($block) = @_;

    my $logs = $Test::Nginx::Util::ServRoot . '/logs';
    my %expected = expected_levels($block);
    my @patterns = map { patterns($_) } scalar $block->error_log,
                                        scalar $block->grep_error_log;
    my @found;

    for my $file ("$logs/error.log", "$logs/stderr.log", sanitizer_logs()) {
        for my $line (new_lines($file)) {
            next if $line =~ / \[debug\] /;

            push @found, $line
                if $line =~ $REPORT
                   || $line =~ $LEVEL && !$expected{$1}
                      && !is_expected($line, @patterns);
        }
    }

    return @found;
}


# A pattern with "[alert" and so on, in whichever section, allows all of them,
# as in Test::Nginx; a configuration that must fail may say so.

sub expected_levels {
    my ($block) = @_;

    my $text = join "\n", patterns($block->error_log),
                          patterns($block->no_error_log);
    my %levels = map { $_ => index($text, "[$_") >= 0 } qw(alert crit emerg);

    $levels{emerg} = 1 if defined $block->must_die;

    return %levels;
}


sub is_expected {
    my ($line, @patterns) = @_;

    return 1 if $line =~ /worker process (\d+) exited on signal 9/
                && $Killed{$1};
    return 1 if $line =~ /was locked by (\d+)/ && $Killed{$1};

    return scalar grep { ref $_ ? $line =~ $_ : index($line, $_) >= 0 }
                       @patterns;
}


sub new_lines {
    my ($file) = @_;

    open my $in, '<', $file or return ();
    binmode $in;

    my $seen = $Scanned{$file} // 0;

    seek $in, $seen <= -s $in ? $seen : 0, 0;

    my @lines = <$in>;

    $Scanned{$file} = tell $in;

    return @lines;
}


# Where the options of the sanitizers ask for files, the reports are there.

sub sanitizer_logs {
    my %paths = map { ($ENV{$_} // '') =~ /\blog_path=([^\s:,]+)/ ? ($1, 1)
                                                                  : () }
                qw(ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS);

    delete @paths{qw(stdout stderr)};

    return grep { -f && (stat)[9] >= $^T } map { glob "$_*" } keys %paths;
}


sub report {
    my ($block, @found) = @_;

    return if !@found;

    Test::More::fail($block->name . ' - alerts or reports in the logs');
    Test::More::diag(@found);

    return;
}


# What nginx says at its very end, leaks for one.

sub after_shutdown {
    my ($block, $dry_run) = @_;

    $check_shutdown->($block, $dry_run)
        if ($block->no_shutdown_error_log // '') ne $CALL_BACK;

    # a block that was skipped finds the logs of another
    report($block, findings($block))
        if !$dry_run && (defined $block->must_die || $Ran && $Ran == $block);

    # the next server begins its logs anew
    %Scanned = ();

    return;
}


1;
