package Test::Nginx::WebSocket;

# Test blocks with a section "--- websocket": a dialogue, a step a line (see
# t/README.md).  On top of Test::Nginx::Socket: the one from CPAN where it is
# installed, else the small driver in t/lib/driver.

use strict;
use warnings;

use Exporter 'import';
use File::Basename ();

BEGIN {
    if (!eval { require Test::Nginx::Socket; 1 }) {
        push @INC, File::Basename::dirname(__FILE__) . '/../../driver';
        require Test::Nginx::Socket;
    }

    Test::Nginx::Socket->import;
}

use Test::More ();
use Test::Nginx::Dialogue;

our @EXPORT = (@Test::Nginx::Socket::EXPORT, qw(plan_tests));

my $request_helper = $Test::Nginx::Util::RunTestHelper;

$Test::Nginx::Util::RunTestHelper = sub {
    my ($block, $dry_run, $repeat) = @_;

    return $request_helper->(@_) unless defined $block->websocket;

    Test::Nginx::Dialogue->new($block)->run;
};

sub lines_of {
    my ($value) = @_;

    return 0 unless defined $value;
    return ref $value eq 'ARRAY' ? scalar @$value : 1 if ref $value;
    return scalar grep { /\S/ } split /\n/, $value;
}

# the assertions of a block

sub assertions {
    my ($block) = @_;

    my $n = lines_of($block->error_log) + lines_of($block->no_error_log);

    return $n + 1 if defined $block->must_die;

    if (defined $block->websocket) {
        return $n + Test::Nginx::Dialogue->assertions($block->websocket);
    }

    $n += lines_of($block->response_headers);
    $n++ if defined $block->response_body;
    $n++ if defined $block->response_body_like;

    return $n + 1;
}

# plans all assertions of the script's blocks

sub plan_tests {
    my $n = 0;

    $n += assertions($_) for blocks();

    Test::More::plan(tests => $n * repeat_each());
}

1;
