package Test::Nginx::Util;

# The half of the driver that runs nginx: options, the server root, the
# configuration, start, stop and reload. Used only where the module of the
# same name is not installed; its names and meanings are kept.

use strict;
use warnings;

use parent 'Exporter';

use Cwd ();
use File::Path qw(make_path remove_tree);
use File::Spec ();
use IO::Socket::INET ();
use List::Util qw(shuffle);
use POSIX qw(WNOHANG);
use Test::Base ();
use Test::LongString ();
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    $RunTestHelper $CheckErrorLog $CheckShutdownErrorLog
    $ServerAddr $ServerName $ServerPort $ServerPortForClient
    $NginxVersion $PidFile $ServRoot $ConfFile $RepeatEach $NoLongString
    access_log_data add_block_preprocessor add_cleanup_handler
    add_test_cleanup_handler bail_out check_accum_error_log config_preamble
    env_to_nginx error_log_data expand_env_in_text get_canon_version
    get_nginx_version get_pid_from_pidfile html_dir is_running is_str
    log_level master_off master_on master_process_enabled no_long_string
    no_nginx_manager no_root_location no_shuffle parse_headers parse_time
    repeat_each run_tests server_addr server_name server_port
    server_port_for_client server_root sleep_time timeout trim use_hup verbose
    worker_connections workers
);

our ($RunTestHelper, $CheckErrorLog, $CheckShutdownErrorLog);
our ($NginxVersion, $NoLongString, $NoRootLocation, $RandPorts);

our $ServerAddr = '127.0.0.1';
our $ServerName = 'localhost';
our $RepeatEach = 1;
our $Workers = 1;
our $WorkerConnections = 64;
our $ConfigPreamble = '';
our $ErrLogFilePos = 0;

our $Randomize = $ENV{TEST_NGINX_RANDOMIZE};
our $Verbose = $ENV{TEST_NGINX_VERBOSE};
our $NoShuffle = $ENV{TEST_NGINX_NO_SHUFFLE};
our $UseHup = $ENV{TEST_NGINX_USE_HUP};
our $UseValgrind = $ENV{TEST_NGINX_USE_VALGRIND};
our $LoadModules = $ENV{TEST_NGINX_LOAD_MODULES};
our $LogLevel = $ENV{TEST_NGINX_LOG_LEVEL} || 'debug';
our $MasterProcessEnabled = $ENV{TEST_NGINX_MASTER_PROCESS} || 'off';
our $CheckAccumErrLog = $ENV{TEST_NGINX_CHECK_ACCUM_ERR_LOG};

# a sanitizer or valgrind makes everything slower
our $Timeout = $ENV{TEST_NGINX_TIMEOUT}
               || ($UseValgrind || $ENV{ASAN_OPTIONS} || $ENV{LD_PRELOAD}
                   || $ENV{TEST_NGINX_LD_PRELOAD} ? 12 : 3);

our $ServerPort = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT}
                  || 1984;

$ServerPort = gen_rand_port({}) if $Randomize;

our $ServerPortForClient = $Randomize ? $ServerPort
                           : $ENV{TEST_NGINX_CLIENT_PORT} || $ServerPort;

our $ServRoot = File::Spec->rel2abs(
    $Randomize ? "t/servroot_$ServerPort"
               : $ENV{TEST_NGINX_SERVROOT} || 't/servroot');

our $LogDir = "$ServRoot/logs";
our $HtmlDir = "$ServRoot/html";
our $ConfDir = "$ServRoot/conf";
our $ConfFile = "$ConfDir/nginx.conf";
our $PidFile = "$LogDir/nginx.pid";
our $ErrLogFile = "$LogDir/error.log";
our $AccLogFile = "$LogDir/access.log";
our $StderrFile = "$LogDir/stderr.log";

our $NginxBinary = find_nginx($ENV{TEST_NGINX_BINARY} || 'nginx');

$ENV{TEST_NGINX_SERVER_ROOT} = $ServRoot;
$ENV{TEST_NGINX_SERVER_PORT} = $ServerPort;

our $ChildPid;

my (@EnvToNginx, @BlockPreprocessors, @CleanupHandlers, @TestCleanupHandlers);
my ($PrevBlock, $MainPid);


sub no_long_string { $NoLongString = 1 }
sub no_shuffle { $NoShuffle = 1 }
sub no_root_location { $NoRootLocation = 1 }
sub check_accum_error_log { $CheckAccumErrLog = 1 }
sub use_hup { $UseHup = 1 }
sub master_on { $MasterProcessEnabled = 'on' }
sub master_off { $MasterProcessEnabled = 'off' }
sub env_to_nginx { push @EnvToNginx, @_ }
sub config_preamble { $ConfigPreamble = shift }
sub html_dir { $HtmlDir }
sub server_root { $ServRoot }
sub verbose { $Verbose }
sub sleep_time { 0.015 }
sub add_block_preprocessor (&) { unshift @BlockPreprocessors, @_ }
sub add_cleanup_handler { unshift @CleanupHandlers, @_ }
sub add_test_cleanup_handler { unshift @TestCleanupHandlers, @_ }
sub no_nginx_manager { bail_out('no_nginx_manager() is not supported') }

sub repeat_each { $RepeatEach = shift if @_; $RepeatEach }
sub workers { $Workers = shift if @_; $Workers }
sub worker_connections { $WorkerConnections = shift if @_; $WorkerConnections }
sub log_level { $LogLevel = shift if @_; $LogLevel }
sub timeout { $Timeout = shift if @_; $Timeout }
sub server_addr { $ServerAddr = shift if @_; $ServerAddr }
sub server_name { $ServerName = shift if @_; $ServerName }
sub server_port { $ServerPort = shift if @_; $ServerPort }

sub server_port_for_client {
    $ServerPortForClient = shift if @_;
    return $ServerPortForClient;
}


sub master_process_enabled {
    $MasterProcessEnabled = shift() ? 'on' : 'off' if @_;
    return $MasterProcessEnabled;
}


sub bail_out {
    stop_nginx();
    Test::More::BAIL_OUT(join '', @_);
}


sub find_nginx {
    my ($name) = @_;

    return File::Spec->rel2abs($name) if $name =~ m{/};

    for my $dir (split(/:/, $ENV{PATH}), '/usr/local/sbin', '/usr/sbin') {
        return "$dir/$name" if -x "$dir/$name";
    }

    return $name;
}


sub is_str {
    my ($got, $expected, $desc) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return Test::More::like($got, $expected, $desc)
        if ref $expected eq 'Regexp';
    return Test::More::is($got, $expected, $desc) if $NoLongString;
    return Test::LongString::is_string($got, $expected, $desc);
}


sub trim {
    my ($s) = @_;

    return undef if !defined $s;

    $s =~ s/^\s+|\s+$//g;
    $s =~ s/\s+/ /g;

    return $s;
}


sub parse_time {
    my ($time) = @_;

    return undef if !defined $time;
    return $1 / 1000 if $time =~ /\A([\d.]+)ms\z/;

    return $time =~ s/s\z//r;
}


# Header => value, or undef for "! Header"

sub parse_headers {
    my ($text) = @_;

    my %headers;

    for my $line (map { trim($_) } split /\n/, $text) {
        if ($line =~ s/\A!\s*//) {
            $headers{$line} = undef;
            next;
        }

        my ($name, $value) = split /\s*:\s*/, $line, 2;
        $headers{$name // ''} = $value;
    }

    return \%headers;
}


sub gen_rand_port {
    my ($used) = @_;

    # below the range from which the kernel takes ports for connections
    for (1 .. 1000) {
        my $port = 2000 + int rand 30000;

        next if $used->{$port};

        my $sock = IO::Socket::INET->new(
            LocalAddr => $ServerAddr || '127.0.0.1', LocalPort => $port,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1) or next;

        close $sock;
        return $port;
    }

    die "no port is free\n";
}


sub expand_env_in_text {
    my ($text, $name, $ports) = @_;

    return undef if !defined $text;

    for my $key ($text =~ /\$(TEST_NGINX_RAND_PORT_\d+)/g) {
        next if $ports->{$key};
        $ports->{$key} = gen_rand_port({ $ServerPort => 1, reverse %$ports });
    }

    $text =~ s/\$(TEST_NGINX_RAND_PORT_\d+)/$ports->{$1}/g;
    $text =~ s{\$(TEST_NGINX_[A-Z0-9_]+)}
              { $ENV{$1} // bail_out("$name - no variable $1") }gex;

    return $text;
}


sub slurp {
    my ($path) = @_;

    open my $in, '<', $path or return undef;
    binmode $in;
    local $/;

    return <$in> // '';
}


sub spew {
    my ($path, $content) = @_;

    open my $out, '>', $path or bail_out("cannot write $path: $!");
    binmode $out;
    print $out $content;
    close $out or bail_out("cannot write $path: $!");

    return;
}


# The lines since the last call, or since the start of the block.

sub error_log_data {
    open my $in, '<', $ErrLogFile or return [];
    seek $in, $ErrLogFilePos, 0 if !$CheckAccumErrLog;

    my @lines = <$in>;

    return \@lines;
}


sub forget_error_log {
    $ErrLogFilePos = -s $ErrLogFile || 0;

    return;
}


sub access_log_data {
    return [split /^/, slurp($AccLogFile) // ''];
}


sub get_canon_version {
    return sprintf '%d.%03d%03d', @_;
}


sub get_nginx_version {
    my $out = qx{'$NginxBinary' -V 2>&1};

    bail_out("cannot run $NginxBinary: ", $out // $!)
        if $? || ($out // '') !~ m{/(\d+)\.(\d+)\.(\d+)};

    return get_canon_version($1, $2, $3);
}


sub is_running {
    my ($pid) = @_;

    return kill 0, $pid;
}


sub get_pid_from_pidfile {
    my ($name) = @_;

    my ($pid) = (slurp($PidFile) // '') =~ /\A(\d+)/
        or bail_out("$name - no pid in $PidFile");

    return $pid;
}


sub run_tests {
    $NginxVersion = get_nginx_version();
    $MainPid = $$;
    master_on() if $UseHup;

    local $SIG{INT} = sub { stop_nginx(); exit 130 };
    local $SIG{TERM} = sub { stop_nginx(); exit 143 };

    end_forgotten_nginx();

    my @blocks = Test::Base::blocks();

    for my $block ($NoShuffle ? @blocks : shuffle @blocks) {
        $_->($block) for @BlockPreprocessors;

        next if defined $block->SKIP;

        $block->set_value(name => "$0 " . $block->name);
        run_block($block);
        $_->($block) for @TestCleanupHandlers;
    }

    finish_block();
    $_->() for @CleanupHandlers;
    remove_tree($ServRoot) if $Randomize;

    return;
}


# A run that was killed may have left its server in this server root.

sub end_forgotten_nginx {
    my ($pid) = (slurp($PidFile) // '') =~ /\A(\d+)/ or return;

    return if (slurp("/proc/$pid/cmdline") // '') !~ /\Q$ConfFile\E/;

    kill 'TERM', $pid;
    wait_for($Timeout, sub { !is_running($pid) });

    return;
}


# Polls until the condition is true; false when the time is over.

sub wait_for {
    my ($timeout, $condition) = @_;

    my $deadline = time + $timeout;
    my $pause = 0.001;

    while (1) {
        my $result = $condition->();
        return $result if $result || time > $deadline;

        sleep $pause;
        $pause *= 1.5 if $pause < 0.02;
    }
}


sub run_block {
    my ($block) = @_;

    my $name = $block->name;

    local $LogLevel = $block->log_level || $LogLevel;

    if (my ($n, $why) = reason_to_skip($block)) {
        Test::More->builder->skip("$name - $why") for 1 .. $n * $RepeatEach;
        return;
    }

    if (defined $block->must_die) {
        finish_block();
        $PrevBlock = $block;
        run_must_die($block);
        return;
    }

    run_with_server($block) if prepare_server($block);

    return;
}


sub run_with_server {
    my ($block) = @_;

    my $name = $block->name;

    if (defined $block->init) {
        eval $block->init;
        bail_out("$name - init failed: $@") if $@;
    }

    for my $i (0 .. $RepeatEach - 1) {
        write_user_files($block) if $i;

        SKIP: {
            $RunTestHelper->($block, '', $i);
        }
    }

    return;
}


# skip_eval: N: code; skip_nginx: N: < 1.2.3: why

sub reason_to_skip {
    my ($block) = @_;

    my $name = $block->name;

    if (defined(my $spec = $block->skip_eval)) {
        my ($n, $code) = $spec =~ /\A\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - invalid skip_eval: $spec");
        my $skip = eval $code;
        bail_out("$name - skip_eval: $@") if $@;
        return ($n, 'skip_eval') if $skip;
    }

    if (defined(my $spec = $block->skip_nginx)) {
        my ($n, $op, $version, $why) = $spec =~
            /\A\s*(\d+)\s*:\s*([<>]=?)\s*(\d+\.\d+\.\d+)\s*(?::\s*(.*?))?\s*\z/s
            or bail_out("$name - invalid skip_nginx: $spec");
        return ($n, $why // "nginx $op $version")
            if eval "$NginxVersion $op "
                    . get_canon_version(split /\./, $version);
    }

    return;
}


# Makes the server of a block run. Without "--- config" that is the server of
# the block before.

sub prepare_server {
    my ($block) = @_;

    my $name = $block->name;

    if (!defined $block->config) {
        bail_out("$name - no --- config, and no server of a block before")
            if !defined $ChildPid;
        forget_error_log();
        $PrevBlock = $block;
        return 1;
    }

    my $started = $UseHup && defined $ChildPid ? reload_server($block)
                                               : start_server($block);

    $PrevBlock = $block;
    return 1 if $started;

    Test::More::fail("$name - nginx does not start");
    Test::More::diag(slurp($StderrFile), slurp($ErrLogFile) // ());
    stop_nginx();

    return 0;
}


sub start_server {
    my ($block) = @_;

    finish_block();
    setup_server_root($block);
    spawn_nginx();

    # nginx writes the file when its sockets listen
    my $gone;
    my $up = wait_for(10 * $Timeout, sub {
        $gone = reap_nginx();
        return $gone || -s $PidFile;
    });

    return $up && !$gone;
}


sub setup_server_root {
    my ($block) = @_;

    $RandPorts = {};
    $ErrLogFilePos = 0;

    # only what the driver or nginx has made, in case of a wrong path
    remove_tree($ConfDir, $HtmlDir, $LogDir, glob "$ServRoot/*_{temp,cache}")
        if -d $ServRoot;
    make_path($ConfDir, $HtmlDir, $LogDir);

    write_files($block);

    return;
}


sub write_files {
    my ($block) = @_;

    my $name = $block->name;

    spew("$HtmlDir/index.html", '<html><head><title>It works!</title></head>'
                                . '<body>It works!</body></html>');

    if (defined $block->post_setup_server_root) {
        eval $block->post_setup_server_root;
        bail_out("$name - post_setup_server_root failed: $@") if $@;
    }

    write_user_files($block);
    spew($ConfFile, config_text($block));

    return;
}


# ">>> name [time]" begins a file; an array has [name, body, time] each

sub write_user_files {
    my ($block) = @_;

    my $files = $block->user_files;

    return if !$files;

    if (!ref $files) {
        my @parts = split /^>>> (\S+)(?:[ \t]+(\S.*))?\n/m, $files;
        shift @parts;

        $files = [];
        push @$files, [@parts[0, 2, 1]] and splice @parts, 0, 3 while @parts;
    }

    write_user_file($block->name, @$_) for @$files;

    return;
}


sub write_user_file {
    my ($name, $file, $body, $time) = @_;

    my $path = $file =~ m{\A/} ? $file : "$HtmlDir/$file";

    make_path($path =~ s{/[^/]*\z}{}r);
    spew($path, expand_env_in_text($body // '', $name, $RandPorts));

    return if !$time;

    local $ENV{TZ} = 'GMT';
    system('touch', '-t', $time, $path) == 0
        or bail_out("$name - cannot set the time of $path");

    return;
}


sub config_text {
    my ($block) = @_;

    my ($main, $post_main, $http, $server) =
        map { expand_env_in_text($_, $block->name, $RandPorts) // '' }
            scalar $block->main_config, scalar $block->post_main_config,
            scalar $block->http_config, scalar $block->config;

    my $modules = join '', map { "load_module $_;\n" }
                           split ' ', $LoadModules // '';
    my $env = join '', map { "env $_;\n" }
              qw(ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS LD_PRELOAD
                 LD_LIBRARY_PATH), map { /\s/ ? "'$_'" : $_ } @EnvToNginx;
    my $user = $> == 0 ? "user root;\n" : '';
    my $name = $block->server_name // $ServerName;
    my $root = $NoRootLocation ? '' : "        location / {\n"
               . "            root $HtmlDir;\n"
               . "            index index.html index.htm;\n        }\n";

    my $temp = join '', map { "    ${_}_temp_path $ServRoot/${_}_temp;\n" }
               grep { "$http" !~ /\b${_}_temp_path\b/ } temp_modules();

    my $error_log = expand_env_in_text(
        scalar $block->error_log_file, $block->name, $RandPorts) // $ErrLogFile;

    return <<"CONF";
$modules${user}worker_processes $Workers;
daemon off;
master_process $MasterProcessEnabled;
error_log $error_log $LogLevel;
pid $PidFile;
$env
$main

events {
    accept_mutex off;
    worker_connections $WorkerConnections;
}

http {
    access_log $AccLogFile;
    default_type text/plain;
    keepalive_timeout 68;
$temp
$http
    server {
        listen $ServerAddr:$ServerPort;
        server_name '$name';
        client_max_body_size 30M;

$ConfigPreamble
$server

$root    }
}

$post_main
CONF
}


my $ConfigureArguments;

sub temp_modules {
    $ConfigureArguments //= qx{'$NginxBinary' -V 2>&1};

    return ('client_body', grep {
        $ConfigureArguments !~ /--without-http_${_}_module/
    } qw(proxy fastcgi scgi uwsgi));
}


sub nginx_command {
    my @cmd = ($NginxBinary, '-e', $ErrLogFile, '-p', "$ServRoot/", '-c',
               $ConfFile);

    return @cmd if !$UseValgrind;

    my @opts = $UseValgrind =~ /\A\d+\z/
               ? qw(--tool=memcheck --leak-check=full --show-possibly-lost=no)
               : split ' ', $UseValgrind;

    push @opts, '--suppressions=valgrind.suppress' if -f 'valgrind.suppress';

    return ('valgrind', '-q', '--num-callers=50', @opts, @cmd);
}


sub spawn_nginx {
    my @cmd = nginx_command();

    warn "# @cmd\n" if $Verbose;

    my $pid = fork // bail_out("cannot fork: $!");

    if ($pid) {
        $ChildPid = $pid;
        return;
    }

    $SIG{INT} = $SIG{TERM} = 'DEFAULT';
    $ENV{LD_PRELOAD} = join ' ', grep { defined }
                       $ENV{TEST_NGINX_LD_PRELOAD}, $ENV{LD_PRELOAD}
        if defined $ENV{TEST_NGINX_LD_PRELOAD};

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', $StderrFile;

    { no warnings 'exec'; exec { $cmd[0] } @cmd; }
    print STDERR "cannot run $cmd[0]: $!\n";
    POSIX::_exit(127);
}


# True when nginx is gone. A step of a test may have waited for it already.

my $ExitStatus;

sub reap_nginx {
    return 1 if !defined $ChildPid;

    my $pid = waitpid $ChildPid, WNOHANG;

    return 0 if $pid == 0;

    $ExitStatus = $pid == $ChildPid ? $? : 0;
    undef $ChildPid;

    return 1;
}


# Ends the server, gracefully if it can. What is wrong about that is the fault
# of the block before, and nothing that a plan has counted.

sub stop_nginx {
    return if !defined $ChildPid;

    my $pid = $ChildPid;
    my $name = $PrevBlock ? $PrevBlock->name : '';

    # a single process that is about to wait, and has no timer, may miss one

    for (1 .. 4) {
        kill $ENV{TEST_NGINX_FAST_SHUTDOWN} ? 'TERM' : 'QUIT', $pid;
        return check_exit($name) if wait_for($Timeout / 2, \&reap_nginx);
    }

    Test::More::fail("$name - nginx does not end");
    Test::More::diag(join '', grep { !/ \[debug\] / }
                                   split /^/, slurp($ErrLogFile) // '');

    kill 'TERM', $pid;
    return if wait_for($Timeout, \&reap_nginx);

    kill 'KILL', $pid, children($pid);
    wait_for($Timeout, \&reap_nginx);

    return;
}


sub check_exit {
    my ($name) = @_;

    return if !$ExitStatus;

    Test::More::fail("$name - nginx ended with the status $ExitStatus");
    Test::More::diag(slurp($StderrFile));

    return;
}


# The end of the server of the block before, and what its log says of it.

sub finish_block {
    stop_nginx();
    check_shutdown(0);

    return;
}


sub check_shutdown {
    my ($dry_run) = @_;

    my $block = $PrevBlock or return;

    undef $PrevBlock;

    $CheckShutdownErrorLog->($block, $dry_run)
        if defined $block->shutdown_error_log
           || defined $block->no_shutdown_error_log;

    return;
}


sub run_must_die {
    my ($block) = @_;

    my $name = $block->name;
    my $want = $block->must_die;

    local ($UseValgrind, $UseHup);

    for my $i (0 .. $RepeatEach - 1) {
        setup_server_root($block);
        spawn_nginx();

        my $dead = wait_for(3 * $Timeout, sub {
            return reap_nginx() || -s $PidFile;
        }) && !defined $ChildPid;

        if ($dead) {
            check_death($name, $want);

        } else {
            Test::More::fail("$name - nginx must die, but it runs");
            stop_nginx();
        }

        $CheckErrorLog->($block, undef, '', $i, 0);
    }

    return;
}


sub check_death {
    my ($name, $want) = @_;

    if ($ExitStatus & 127) {
        Test::More::fail("$name - nginx was killed by the signal "
                         . ($ExitStatus & 127));

    } elsif ($want =~ /\A\s*(\d+)\s*\z/) {
        Test::More::is($ExitStatus >> 8, $1,
                       "$name - nginx dies with the exit code expected");

    } else {
        Test::More::isnt($ExitStatus, 0, "$name - nginx dies as expected");
    }

    return;
}


# A new configuration for the server that runs: TEST_NGINX_USE_HUP.

sub reload_server {
    my ($block) = @_;

    check_shutdown(1);

    my %old = map { $_ => 1 } children($ChildPid);

    for my $log (grep { -e } $ErrLogFile, $AccLogFile) {
        truncate $log, 0;
    }

    $ErrLogFilePos = 0;
    $RandPorts = {};
    remove_tree($HtmlDir);
    make_path($HtmlDir);
    write_files($block);

    kill 'HUP', $ChildPid;

    my $failed;
    my $done = wait_for(3 * $Timeout, sub {
        $failed = join '', grep { / \[emerg\] / } @{ error_log_data() };
        return 1 if $failed || reap_nginx();

        my @now = children($ChildPid);
        return $Workers <= grep({ !$old{$_} } @now)
               && !grep { $old{$_} && !is_leaving($_) } @now;
    });

    return $done && !$failed && defined $ChildPid;
}


sub children {
    my ($parent) = @_;

    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        (slurp($path) // '') =~ /\A(\d+) \(.*\) [^Z] (\d+) /s or next;
        push @pids, $1 if $2 == $parent;
    }

    return grep { (slurp("/proc/$_/cmdline") // '') !~ /: cache / } @pids;
}


sub is_leaving {
    my ($pid) = @_;

    return (slurp("/proc/$pid/cmdline") // '') =~ /shutting down/
           || (slurp($ErrLogFile) // '')
              =~ /\b$pid#\d+: gracefully shutting down/;
}


END {
    if (defined $MainPid && $$ == $MainPid) {
        local $?;
        stop_nginx();
    }
}


1;
