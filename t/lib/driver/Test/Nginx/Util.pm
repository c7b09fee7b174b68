package Test::Nginx::Util;

# The server's side of a small driver for test blocks: writes a block's
# configuration, starts and stops nginx.  Steps aside when the driver from
# CPAN, whose sections and environment variables it follows, is installed.

use strict;
use warnings;

use Cwd ();
use Exporter 'import';
use File::Path ();
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(blocks repeat_each workers master_on master_off log_level no_shuffle
    no_long_string server_root server_port timeout expand error_log_lines
    start_nginx stop_nginx master_pid run_tests $RunTestHelper);

our $RunTestHelper;

our $Binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
our $Root = $ENV{TEST_NGINX_SERVROOT} || Cwd::getcwd() . '/t/servroot';
our $Port = $ENV{TEST_NGINX_PORT} || 1984;
our $Valgrind = $ENV{TEST_NGINX_USE_VALGRIND};
our $Timeout = $ENV{TEST_NGINX_TIMEOUT} || ($Valgrind ? 60 : 10);

my ($repeat, $workers, $master, $level, $shuffle) = (1, 1, 0, 'info', 1);
my ($pid, $died);
my %random;

$ENV{PATH} .= ':/usr/sbin';
$ENV{TEST_NGINX_SERVER_PORT} ||= $Port;

sub repeat_each { $repeat = shift if @_; return $repeat }
sub workers { $workers = shift }
sub master_on { $master = 1 }
sub master_off { $master = 0 }
sub log_level { $level = shift }
sub no_shuffle { $shuffle = 0 }
sub no_long_string { }
sub server_root { return $Root }
sub server_port { return $Port }
sub timeout { return $Timeout }
sub master_pid { return $pid }

# The blocks of the calling script, from its __DATA__: "=== name", sections
# "--- name filters" with the text on the same line after ":" or below.

my $blocks;

sub blocks {
    $blocks ||= do {
        local $/;
        my $text = <main::DATA>;
        my @all = map { parse_block($_) } split /^(?==== )/m, $text;
        my @only = grep { $_->{ONLY} } @all;

        [grep { !$_->{SKIP} } @only ? @only : @all];
    };

    return @$blocks;
}

sub parse_block {
    my ($text) = @_;

    return unless $text =~ s/^=== +([^\n]*)\n//;

    my %block = (name => $1);

    while ($text =~ /^--- +(\w+)([^\n:]*)(?:: ?([^\n]*))?\n?(.*?)(?=^--- |\z)/gms)
    {
        my ($section, $filters, $line, $below) = ($1, $2, $3, $4);

        my $value = defined $line ? $line : $below;
        $value =~ s/\n+\z/\n/ if !defined $line;

        for my $filter (split ' ', $filters) {
            if ($filter eq 'eval') {
                $value = eval $value;
                die "$block{name}: --- $section: $@" if $@;

            } elsif ($filter eq 'chomp') {
                chomp $value;

            } else {
                die "$block{name}: --- $section: no filter $filter\n";
            }
        }

        $block{$section} = $value;
    }

    return bless \%block, 'Test::Nginx::Block';
}

# a port that nobody listens on, the same for a number throughout a file

sub random_port {
    my ($n) = @_;

    $random{$n} ||= do {
        my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
                                      ReuseAddr => 1)
            or die "no free port: $!";
        $s->sockport;
    };

    return $random{$n};
}

sub expand {
    my ($text) = @_;

    return $text unless defined $text;

    $text =~ s/\$TEST_NGINX_RAND_PORT_(\d+)/random_port($1)/ge;
    $text =~ s/\$ServerPort\b/$Port/g;
    $text =~ s/\$(TEST_NGINX_\w+)/defined $ENV{$1} ? $ENV{$1}
                                                   : die "no \$$1\n"/ge;
    return $text;
}

sub write_file {
    my ($name, $text) = @_;

    open my $out, '>', $name or die "cannot write $name: $!";
    binmode $out;
    print $out $text;
    close $out or die "cannot write $name: $!";
}

sub write_config {
    my ($block) = @_;

    my %part = map {
        my $text = $block->$_;
        $_ => expand(defined $text ? $text : '')
    } qw(main_config http_config config);

    my $modules = join '', map { "load_module $_;\n" }
        split ' ', $ENV{TEST_NGINX_LOAD_MODULES} || '';
    my $mode = $master ? 'on' : 'off';
    my $user = $> == 0 ? 'user root;' : '';
    my $log = $block->log_level || $level;
    chomp $log;

    write_file("$Root/conf/nginx.conf", <<"CONF");
${modules}worker_processes $workers;
daemon off;
master_process $mode;
$user
error_log logs/error.log $log;
pid logs/nginx.pid;
$part{main_config}
events {
    worker_connections 1024;
}
http {
    access_log logs/access.log;
    client_body_temp_path client_body_temp;
    proxy_temp_path proxy_temp;
    fastcgi_temp_path fastcgi_temp;
    uwsgi_temp_path uwsgi_temp;
    scgi_temp_path scgi_temp;
$part{http_config}
    server {
        listen 127.0.0.1:$Port;
        server_name localhost;
        client_max_body_size 30m;
$part{config}
        root html;
    }
}
CONF
}

sub write_user_files {
    my ($block) = @_;

    my $text = $block->user_files;
    return unless defined $text;

    my @parts = split /^>>>\s*(\S+)[^\n]*\n/m, $text;
    shift @parts;

    while (my ($name, $content) = splice @parts, 0, 2) {
        (my $dir = "$Root/html/$name") =~ s{/[^/]*$}{};
        File::Path::make_path($dir);
        write_file("$Root/html/$name", defined $content ? $content : '');
    }
}

# returns 1 when nginx serves, 0 when it ended instead

sub start_nginx {
    my ($block) = @_;

    File::Path::remove_tree($Root);
    File::Path::make_path(map { "$Root/$_" } qw(conf logs html));
    write_config($block);
    write_user_files($block);

    my @command = ($Binary, '-p', "$Root/", '-c', 'conf/nginx.conf',
                   '-e', 'logs/error.log');

    if ($Valgrind) {
        unshift @command, 'valgrind', '-q', '--trace-children=yes',
            '--leak-check=no', '--num-callers=20',
            "--log-file=$Root/logs/valgrind.%p";
    }

    $died = 0;
    $pid = fork;
    die "fork: $!" unless defined $pid;

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$Root/logs/stderr.log";
        open STDERR, '>>', "$Root/logs/stderr.log";
        exec @command or POSIX::_exit(127);
    }

    my $end = time + $Timeout + ($Valgrind ? 60 : 5);

    while (time < $end) {
        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            $died = 1;
            undef $pid;
            return 0;
        }

        return 1 if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$Port")
                    && (!$master || -s "$Root/logs/nginx.pid");
        sleep 0.01;
    }

    die "nginx does not listen on port $Port\n";
}

sub stop_nginx {
    return unless $pid;

    for my $try (['TERM', $Timeout], ['KILL', 5]) {
        my ($signal, $wait) = @$try;
        my $end = time + $wait;

        kill $signal, $pid;

        while (time < $end) {
            if (waitpid($pid, POSIX::WNOHANG()) != 0) {
                undef $pid;
                return;
            }

            sleep 0.01;
        }
    }
}

# what nginx and the sanitizers wrote

sub error_log_lines {
    my @lines;

    for my $name ("$Root/logs/error.log", "$Root/logs/stderr.log",
                  glob "$Root/logs/valgrind.*")
    {
        open my $in, '<', $name or next;
        push @lines, <$in>;
    }

    return @lines;
}

sub run_block {
    my ($block) = @_;

    my $name = $block->name;
    my $started = eval { start_nginx($block) };

    if ($@) {
        fail("$name - $@");
        stop_nginx();
        return;
    }

    if (defined $block->must_die) {
        ok(!$started, "$name - nginx must not start");

    } elsif (!$started) {
        fail("$name - nginx did not start: "
             . join('', grep { /\[emerg\]|ERROR/ } error_log_lines()));
        return;
    }

    $RunTestHelper->($block, 0, $_) for 0 .. $repeat - 1;

    stop_nginx();
}

sub run_tests {
    my @blocks = blocks();

    if ($shuffle && ($ENV{TEST_NGINX_RANDOMIZE} || 0)) {
        @blocks = sort { rand() <=> 0.5 } @blocks;
    }

    run_block($_) for @blocks;
}

package Test::Nginx::Block;

our $AUTOLOAD;

sub AUTOLOAD {
    my ($self) = @_;

    (my $section = $AUTOLOAD) =~ s/.*:://;
    return $self->{$section};
}

sub DESTROY { }

package Test::Nginx::Util;

END { my $code = $?; stop_nginx(); $? = $code }

1;
