package Test::Nginx::Dialogue;

# Runs the section "--- websocket" of a block: t/README.md lists the steps.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Test::More ();
use Test::Nginx::Client;
use Time::HiRes qw(sleep time);

my $builder = Test::More->builder;

# every line that begins so is one assertion, and the logs are one more

sub asserts { return $_[0] =~ /^(?:\w+|!)\s*<|^!\s*wait-/ }

sub steps { return grep { /\S/ && !/^\s*#/ } split /\n/, $_[0] }

sub assertions {
    my ($class, $text) = @_;

    return 1 + grep { asserts($_) } steps($text);
}

sub new {
    my ($class, $block) = @_;

    return bless { block => $block, client => {},
                   timeout => Test::Nginx::Util::timeout() }, $class;
}

sub run {
    my ($self) = @_;

    my $block = $self->{block};
    my $broken;

    for my $step (steps(Test::Nginx::Util::expand($block->websocket))) {

        my $name = $block->name . " - $step";
        $name = substr($name, 0, 160) . '...' if length $name > 160;

        if ($broken) {
            $builder->ok(0, "$name (not reached)") if asserts($step);
            next;
        }

        $step =~ s/\$EPOCH/$self->{epoch} \/\/ '(no epoch yet)'/ge;

        my $result = eval { $self->step($step); 1 };
        my $error = $@;

        if (asserts($step)) {
            $builder->ok($result, $name);
        } elsif (!$result) {
            $builder->diag("$name:");
        }

        next if $result;

        $builder->diag($error);
        $broken = 1;
    }

    $self->check_logs($broken);
    Test::Nginx::Socket::check_logs($block)
        if Test::Nginx::Socket->can('check_logs');
}

# nothing that an operator would be woken for, no sanitizer, no valgrind

sub check_logs {
    my ($self, $broken) = @_;

    delete $self->{client};

    my @bad = grep {
        /\[(?:alert|crit|emerg)\]|ERROR:\ \w+Sanitizer|runtime\ error:
         |==\d+==\s+(?:Invalid|Conditional|Use\ of|Process\ terminat)/x
        && !($self->{killed} && /exited on signal 9/)
    } Test::Nginx::Util::error_log_lines();

    $builder->ok(!@bad && !$broken, $self->{block}->name . ' - clean logs')
        or $builder->diag(@bad);
}

# "\n", "\xHH", "\\", and "* COUNT STRING" for a repetition

sub bytes {
    my ($star, $text) = @_;

    $text = '' unless defined $text;

    if ($star) {
        my ($n, $s) = $text =~ /^(\d+)\s+(.*)$/ or die "bad repetition $text";
        return bytes('', $s) x $n;
    }

    my %escape = (n => "\n", r => "\r", t => "\t", 0 => "\0");

    $text =~ s/\\(?:x([0-9a-fA-F]{2})|(.))/
               defined $1 ? chr hex $1 : exists $escape{$2} ? $escape{$2} : $2
              /gex;
    return $text;
}

sub step {
    my ($self, $step) = @_;

    return $self->command($1) if $step =~ /^!\s*(.*)$/;

    my ($name, $port, $tls, $way, $rest) =
        $step =~ /^(\w+)(?:@(\d+)(:tls)?)?([<>+])\s?(.*)$/
        or die "cannot read this step";

    my $client = $self->{client}{$name}
        ||= Test::Nginx::Client->new($self->{timeout});

    $port ||= Test::Nginx::Util::server_port();

    return $self->expect($client, $rest) if $way eq '<';
    return $client->header($rest =~ /^([\w-]+):\s*(.*)$/) if $way eq '+';

    $self->send($client, $rest, $port, $tls);
}

sub send {
    my ($self, $client, $rest, $port, $tls) = @_;

    if ($rest =~ /^[A-Z]+ \//) {
        $client->connect($port, $tls);
        return $client->handshake($rest);
    }

    if ($rest =~ s/^proxy //) {
        $client->connect($port, $tls);
        return $client->send_raw("$rest\r\n");
    }

    return $client->early($self->encode($client, $rest))
        if $rest =~ s/^with-handshake //;
    return $client->send_raw(pack 'H*', $rest =~ s/\s//gr)
        if $rest =~ s/^raw //;
    return $client->send_bytewise(pack 'H*', $rest =~ s/\s//gr)
        if $rest =~ s/^raw\+ //;
    return $client->drop(0) if $rest eq 'end';
    return $client->drop(1) if $rest eq 'drop';

    if ($rest =~ /^times (\d+) (.*)$/) {
        return $client->send_raw($self->encode($client, $2) x $1);
    }

    $client->send_raw($self->encode($client, $rest));
}

sub encode {
    my ($self, $client, $text) = @_;

    if ($text =~ s/^frame\s*((?:\s*\b(?:fin|rsv|opcode|mask|len)=\d+)*)\s?//) {
        my %field = (fin => 1, map { split /=/ } split ' ', $1);
        return $client->frame(%field, payload => bytes('', $text));
    }

    my ($type, $star, $rest) =
        $text =~ /^(text|binary|ping|pong|close)(\*?)(?: (.*))?$/
        or die "cannot send this";

    my $payload = bytes($star, $rest);

    if ($type eq 'close' && length $payload) {
        my ($code, $reason) = $payload =~ /^(\d+)(?: (.*))?$/s;
        $payload = pack('n', $code) . ($reason // '');
    }

    return $client->frame(fin => 1, payload => $payload,
                          opcode => $Test::Nginx::Client::Opcode{$type});
}

sub expect {
    my ($self, $client, $rest) = @_;

    die "not connected\n" unless $client->{socket};

    if ($rest =~ /^\d+$/) {
        my $code = $client->response;
        die "status $code\n" . ($client->{body} // '') if $code ne $rest;
        return;
    }

    return same_header($client->{response}, $1)
        if $rest =~ /^header (.*)$/;
    return like($client->{body} // '', $1) if $rest =~ /^body (.*)$/;
    return $client->read_eof if $rest eq 'eof';

    my ($type, $star, $payload) =
        $rest =~ /^(text|binary|json|ping|pong|close)(\*?)(?: (.*))?$/
        or die "cannot expect this";
    my ($got, $data) = @{ $client->read_frame };

    die "$got: " . printable($data) . "\n"
        if $got ne ($type eq 'json' ? 'text' : $type);

    return same_close($data, $payload) if $type eq 'close';
    return same_json($data, $payload) if $type eq 'json';
    return like($data, $star ? bytes($star, $payload) : $payload // '', $star);
}

sub same_header {
    my ($headers, $want) = @_;

    if ($want =~ /^!\s*(\S+)/) {
        die "$1: $headers->{lc $1}\n" if defined $headers->{lc $1};
        return;
    }

    my ($name, $value) = split /:\s*/, $want, 2;
    my $got = $headers->{lc $name} // '(none)';
    die "$name: $got\n" if $got ne $value;
}

sub same_close {
    my ($data, $want) = @_;

    my ($code, $reason) = ($want // '') =~ /^(\d*)(?: (?:reason )?(.*))?$/;
    my ($got, $text) = length $data ? unpack 'na*', $data : ('', '');

    die "close $got $text\n" if $got ne $code;
    like($text, $reason) if defined $reason;
}

sub same_json {
    my ($data, $want) = @_;

    my $json = JSON::PP->new->canonical->allow_nonref->utf8;
    my $got = eval { $json->decode($data) };
    my $wanted = $json->decode($want);

    die "not JSON: $data\n" if $@;

    # of an object only what is named matters

    if (ref $got eq 'HASH' && ref $wanted eq 'HASH') {
        $got = { map { $_ => $got->{$_} } keys %$wanted };
    }

    die "$data\n" if $json->encode($got) ne $json->encode($wanted);
}

# a pattern qr/.../, or the bytes themselves

sub like {
    my ($got, $want, $exact) = @_;

    if (!$exact && $want =~ m{^qr/(.*)/(\w*)$}) {
        my $pattern = length $2 ? "(?$2)$1" : $1;
        return if $got =~ /$pattern/;

    } else {
        return if $got eq ($exact ? $want : bytes('', $want));
    }

    die 'got ' . length($got) . ' bytes: ' . printable($got) . "\n";
}

sub printable {
    my ($data) = @_;

    $data = substr($data, 0, 200) . '...' if length $data > 200;
    return $data =~ s/([^\x20-\x7e])/sprintf '\x%02x', ord $1/ger;
}

my %commands = (
    'reload'      => \&reload,
    'quit'        => sub { my ($self) = @_; $self->signal('QUIT') },
    'term'        => sub { my ($self) = @_; $self->signal('TERM') },
    'kill'        => \&kill_worker,
    'sleep'       => sub { my ($self, $rest) = @_; sleep $rest },
    'wait-log'    => sub { my ($self, $rest) = @_;
                           $self->wait_file('error.log', $rest) },
    'wait-access' => sub { my ($self, $rest) = @_;
                           $self->wait_file('access.log', $rest) },
);

sub command {
    my ($self, $step) = @_;

    if ($step =~ s/^<\s*//) {
        my $response = $self->{http} or die "no answer\n";

        return $step =~ /^\d+$/ ? same_code($response, $step)
            : $step =~ /^header (.*)$/ ? same_header($response->{headers}, $1)
            : $step =~ /^json (.*)$/ ? same_json($response->{body}, $1)
            : $step =~ /^body (.*)$/ ? like($response->{body}, $1)
            : die "cannot expect this";
    }

    return $self->http($step) if $step =~ /^[A-Z]+ /;

    my ($word, $rest) = split ' ', $step, 2;
    my $command = $commands{$word} or die "no command $word\n";

    $command->($self, $rest);
}

sub same_code {
    my ($response, $code) = @_;

    die "status $response->{code}\n$response->{body}"
        if $response->{code} ne $code;
}

# METHOD /uri [Name: value; Name: value] [* COUNT] BODY

sub http {
    my ($self, $step) = @_;

    my ($method, $uri, $headers, $star, $body) =
        $step =~ /^(\w+) (\S+)(?: \[(.*?)\])?(?: (\*?) ?(.*))?$/s
        or die "cannot read this request";

    $body = bytes($star, $body);
    $headers = join '', map { "$_\r\n" } split /;\s*/, $headers // '';

    $headers .= 'Content-Length: ' . length($body) . "\r\n"
        if length $body || $method =~ /^P/;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1:'
                                       . Test::Nginx::Util::server_port())
        or die "cannot connect: $!\n";

    print $socket "$method $uri HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n$headers\r\n$body";
    $socket->flush;

    my $end = time + $self->{timeout};
    my $response = '';

    while (time < $end) {
        next unless IO::Select->new($socket)->can_read(0.1);
        sysread($socket, $response, 65536, length $response) or last;
    }

    my ($head, $content) = split /\r\n\r\n/, $response, 2;
    my ($status, @lines) = split /\r\n/, $head // '';

    $self->{http} = {
        code => ($status // '') =~ m{^HTTP/\S+ (\d+)} ? $1 : '(none)',
        headers => { map { my ($n, $v) = split /:\s*/, $_, 2; lc $n => $v }
                     @lines },
        body => $content // '',
    };

    $self->{epoch} = $1 if $self->{http}{body} =~ /"epoch":"([0-9a-f]{16})"/;
}

sub workers_of {
    my $master = Test::Nginx::Util::master_pid();

    open my $in, '<', "/proc/$master/task/$master/children" or return;
    return split ' ', <$in> // '';
}

sub until_true {
    my ($self, $what, $test) = @_;

    my $end = time + $self->{timeout};

    while (!$test->()) {
        die "$what did not happen in time\n" if time > $end;
        sleep 0.01;
    }
}

# new workers are those that were not there before

sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } workers_of();

    kill 'HUP', Test::Nginx::Util::master_pid();

    $self->until_true('reload', sub {
        grep({ !$old{$_} } workers_of()) >= keys %old
    });
}

sub kill_worker {
    my ($self, $rest) = @_;

    my @workers = sort { $a <=> $b } workers_of();
    my ($n) = ($rest // '') =~ /(\d+)/ ? $1 : 1;
    my $victim = $workers[$n - 1] or die "no worker $n\n";

    $self->{killed} = 1;
    kill 'KILL', $victim;

    $self->until_true('a new worker', sub {
        my @now = workers_of();
        @now == @workers && !grep { $_ == $victim } @now
    });
}

sub signal {
    my ($self, $name) = @_;

    kill $name, Test::Nginx::Util::master_pid();
}

sub wait_file {
    my ($self, $name, $want) = @_;

    my ($pattern) = $want =~ m{^qr/(.*)/m?$} or die "a pattern is expected\n";
    my $file = Test::Nginx::Util::server_root() . "/logs/$name";
    my $text;

    eval {
        $self->until_true($want, sub {
            open my $in, '<', $file or return 0;
            local $/;
            $text = <$in> // '';
            $text =~ /$pattern/m
        });
        1;
    } or die "$@$text\n";
}

1;
