package Test::Nginx::WebSocket::Control;

# The nginx under test seen from outside: its processes by way of the pid file
# and /proc, and its logs. Works the same whoever started it.

use strict;
use warnings;

use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);


# paths: pid_file, error_log, access_log; workers: how many are configured;
# master: whether there is a master process; killed: gets the pids of workers
# that were killed

sub new {
    my ($class, %opt) = @_;

    return bless { timeout => 5, killed => {}, %opt }, $class;
}


sub wait_until {
    my ($self, $what, $condition) = @_;

    my $deadline = time + $self->{timeout};
    my $pause = 0.001;

    while (1) {
        my $result = $condition->();
        return $result if $result;

        die "$what: not within $self->{timeout} s\n" if time > $deadline;

        sleep $pause;
        $pause *= 1.5 if $pause < 0.02;
    }
}


sub slurp {
    my ($path) = @_;

    open my $in, '<', $path or return '';
    binmode $in;
    local $/;

    return <$in> // '';
}


sub master {
    my ($self) = @_;

    my ($pid) = slurp($self->{pid_file}) =~ /\A(\d+)/
        or die "no pid in $self->{pid_file}\n";

    return $pid;
}


# The children of a process that are alive, in the order of their pids, but
# not those that only look after a cache.

sub children {
    my ($parent) = @_;

    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        slurp($path) =~ /\A(\d+) \(.*\) (\S) (\d+) /s or next;
        push @pids, $1 if $3 == $parent && $2 ne 'Z';
    }

    return sort { $a <=> $b } grep { title($_) !~ /: cache / } @pids;
}


sub title {
    my ($pid) = @_;

    return slurp("/proc/$pid/cmdline") =~ tr/\0/ /r;
}


# A worker that does not accept any more says so in its title and in the log;
# under valgrind, in the log alone.

sub is_leaving {
    my ($self, $pid) = @_;

    return 1 if title($pid) =~ /shutting down/;
    return slurp($self->{error_log}) =~ /\b$pid#\d+: gracefully shutting down/;
}


sub workers {
    my ($self) = @_;

    return children($self->master);
}


# The workers, when as many as configured are there.

sub all_workers {
    my ($self) = @_;

    my @w;

    $self->wait_until("$self->{workers} workers", sub {
        @w = grep { !$self->is_leaving($_) } $self->workers;
        return @w == $self->{workers};
    });

    return @w;
}


sub require_master {
    my ($self) = @_;

    die "this step needs master_on()\n" if !$self->{master};

    return;
}


sub reload {
    my ($self) = @_;

    my $master = $self->master;
    my %old = map { $_ => 1 } $self->all_workers;
    my $seen = length slurp($self->{error_log});

    kill 'HUP', $master or die "cannot signal nginx: $!\n";

    $self->wait_until('new workers after HUP', sub {
        substr(slurp($self->{error_log}), $seen) =~ /(\[emerg\].*)/
            and die "the reload failed: $1\n";

        my @now = $self->workers;
        my @new = grep { !$old{$_} } @now;

        return @new >= $self->{workers}
               && !grep { $old{$_} && !$self->is_leaving($_) } @now;
    });

    return;
}


sub signal {
    my ($self, $signal) = @_;

    # the pid file goes when nginx does
    $self->{pid} = $self->master;

    kill $signal, $self->{pid} or die "cannot signal nginx: $!\n";

    return;
}


# Waits for the end after a signal, whoever the parent is.

sub wait_exit {
    my ($self) = @_;

    my $pid = $self->{pid} // die "nginx was not told to end\n";
    my $status = 0;

    $self->wait_until('the end of nginx', sub {
        if (waitpid($pid, WNOHANG) == $pid) {
            $status = $?;
            return 1;
        }
        return !kill(0, $pid) || slurp("/proc/$pid/stat") =~ /\) Z /;
    });

    die "nginx ended with the status $status\n" if $status;

    return;
}


sub kill_worker {
    my ($self, $victim) = @_;

    my %before = map { $_ => 1 } $self->all_workers;

    $self->{killed}{$victim} = 1;
    kill 'KILL', $victim or die "cannot kill the worker $victim: $!\n";

    $self->wait_until('a new worker', sub {
        my @now = $self->workers;

        return @now >= $self->{workers}
               && !grep({ $_ == $victim } @now)
               && grep { !$before{$_} } @now;
    });

    return;
}


sub nth_worker {
    my ($self, $n) = @_;

    my @w = $self->all_workers;

    return $w[$n - 1] // die "there is no worker $n\n";
}


# The worker that has accepted the connection from the local port given.

sub worker_of {
    my ($self, $server_port, $local_port) = @_;

    return $self->wait_until('a worker accepting the connection', sub {
        my $inode = socket_inode($server_port, $local_port) or return 0;

        for my $pid ($self->workers) {
            for my $fd (glob "/proc/$pid/fd/*") {
                return $pid
                    if (readlink($fd) // '') eq "socket:[$inode]";
            }
        }

        return 0;
    });
}


sub socket_inode {
    my ($server_port, $local_port) = @_;

    my $ports = sprintf ' [0-9A-F]{8}:%04X [0-9A-F]{8}:%04X ', $server_port,
                        $local_port;

    for (split /\n/, slurp('/proc/net/tcp')) {
        next if !/$ports/;
        my $inode = (split ' ')[9];
        return $inode if $inode;
    }

    return undef;
}


# Runs the code while only the worker given, or all but it, can accept.

sub with_worker {
    my ($self, $worker, $apart, $code) = @_;

    my @held = grep { ($_ == $worker) == !!$apart } $self->all_workers;

    kill 'STOP', @held;
    $self->wait_until('stopped workers', sub {
        return !grep { slurp("/proc/$_/stat") !~ /\) T / } @held;
    });

    my $ok = eval { $code->(); 1 };
    my $error = $@;

    kill 'CONT', @held;

    die $error if !$ok;

    return;
}


sub wait_log {
    my ($self, $path, $regex, $times) = @_;

    my $text;

    eval {
        $self->wait_until('a match', sub {
            $text = slurp($path);
            my $n = () = $text =~ /$regex/g;
            return $n >= $times;
        });
        1;

    } or die "no match in $path within $self->{timeout} s, its end:\n"
             . tail($text);

    return;
}


sub tail {
    my ($text) = @_;

    my @lines = grep { !/ \[debug\] / } split /^/, $text;

    return join '', @lines > 15 ? @lines[-15 .. -1] : @lines;
}


1;
