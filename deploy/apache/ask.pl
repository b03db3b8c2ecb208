#!/usr/bin/perl
# A program for RewriteMap: asks auth-service for a verdict.
#
# It reads lines "PATH CLIENT METHOD HOST REQUEST-ID ORIGINAL-PATH AUTHORIZATION" and
# answers each with a line "STATUS VALUE": "200 USER KEY SCOPES", "401 challenge",
# "403 challenge" or, whatever went wrong, "500 -". PATH is what to ask for. What stands
# between it and AUTHORIZATION is for the log of auth-service, and may be empty. Key and
# scopes are empty unless auth-service tells them (IDENTITY). The challenge is the first,
# if there are several, and may be empty. httpd starts the program once and does not start
# it again, so it must not die.
#
# With the name of a field after the address, the lines are "PATH CLIENT METHOD HOST
# REQUEST-ID ORIGINAL-PATH FIELD AUTHORIZATION". FIELD is that field's value,
# percent-encoded.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

my $address = shift or die "usage: ask.pl HOST:PORT or /PATH/OF/SOCKET, and the name of a field\n";
my $field   = shift // '';
my $timeout = 2;    # seconds, for one question

# httpd asks one question at a time. After a question that took too long, the
# program asks nothing for a second: otherwise all who wait would wait for
# $timeout, one after the other.
my $pause = 1;
my $silent_until = 0;

$| = 1;
$SIG{PIPE} = 'IGNORE';

my $connection;

sub connected {
    return $connection if $connection;
    $connection =
        $address =~ m{^/}
      ? IO::Socket::UNIX->new( Peer => $address, Timeout => $timeout )
      : IO::Socket::INET->new( PeerAddr => $address, Timeout => $timeout );
    # A write to a full socket must not wait either.
    $connection->blocking(0) if $connection;
    return $connection;
}

# exchange returns the head of the answer, or nothing if the connection failed. It
# dies if that takes too long.
sub exchange {
    my ($request) = @_;
    my $deadline = time + $timeout;
    my $socket = connected();
    if ( !$socket ) {
        late() if time > $deadline - 0.1;
        return;
    }
    my ( $select, $head ) = ( IO::Select->new($socket), '' );
    for ( my $sent = 0 ; $sent < length $request ; ) {
        late() unless $select->can_write( $deadline - time );
        my $n = syswrite $socket, $request, length($request) - $sent, $sent;
        return unless $n;
        $sent += $n;
    }
    while ( $head !~ /\r\n\r\n/ ) {
        late() unless $select->can_read( $deadline - time );
        return unless sysread $socket, $head, 4096, length $head;
    }
    # A verdict has no body. After anything else the connection is of no use.
    if ( $head !~ /\r\n\r\n\z/ || $head !~ /^Content-Length: 0\r$/mi || $head =~ /^Connection: close\r$/mi ) {
        undef $connection;
    }
    return $head;
}

# late gives up on a question. Its answer may still come, so late drops the
# connection.
sub late {
    undef $connection;
    $silent_until = time + $pause;
    die "no answer in time\n";
}

sub ask {
    my $line = shift;
    my $key  = '';
    if ( $field ne '' ) {
        $line =~ s/\A((?:[^ ]* ){6})([^ ]*) /$1/ or die "not a line of httpd's\n";
        $key = $2;
        $key =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    }
    my ( $path, @said, $authorization );
    ( $path, @said[ 0 .. 4 ], $authorization ) = split / /, $line, 7;
    die "not a line of httpd's\n" unless defined $authorization;
    for ( $path, @said, $authorization, $key ) {
        die "control bytes\n" if /[\x00-\x08\x0a-\x1f\x7f]/;
    }
    my $request = "GET $path HTTP/1.1\r\nHost: auth-service\r\n";
    for my $name (qw(X-Real-IP X-Original-Method X-Original-Host X-Request-Id X-Original-URI)) {
        $request .= "$name: " . substr( shift @said, 0, 256 ) . "\r\n";
    }
    $request .= "Authorization: $authorization\r\n" if $authorization ne '';
    $request .= "$field: $key\r\n" if $key ne '';
    $request .= "\r\n";

    die "no answer a moment ago\n" if time < $silent_until;
    my $reused = defined $connection;
    my $head   = exchange($request);
    if ( !defined $head ) {
        undef $connection;
        # The connection may have been closed since it was used last.
        $head = exchange($request) if $reused;
    }
    if ( !defined $head ) {
        undef $connection;
        die "no answer\n";
    }
    my ($status) = $head =~ m{\AHTTP/1\.1 (200|401|403) } or die "not a verdict\n";
    if ( $status == 200 ) {
        my $user = value( $head, 'X-Auth-Request-User' );
        die "no user\n" if $user eq '';
        return join ' ', $status, $user, value( $head, 'X-Auth-Request-Key' ), value( $head, 'X-Auth-Request-Scopes' );
    }
    return "$status " . value( $head, 'WWW-Authenticate' );
}

# value returns the value of the first field of a name, or nothing.
sub value {
    my ( $head, $name ) = @_;
    return $head =~ /^\Q$name\E: ([^\r\n]*)\r$/mi ? $1 : '';
}

while ( my $line = <STDIN> ) {
    chomp $line;
    my $answer = eval { ask($line) };
    print defined $answer ? $answer : '500 -', "\n";
}
