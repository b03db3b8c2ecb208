#!/usr/bin/perl
# A program for RewriteMap: asks auth-service for a verdict.
#
# It reads lines "PATH CLIENT ORIGINAL-PATH AUTHORIZATION" and
# answers each with a line "STATUS VALUE": "200 principal", "401 challenge",
# "403 challenge" or, whatever went wrong, "500 -". httpd starts it once and
# does not start it again, so it must not die.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

my $address = shift or die "usage: ask.pl HOST:PORT or /PATH/OF/SOCKET\n";
my $timeout = 2;    # seconds

$| = 1;
$SIG{PIPE} = 'IGNORE';

my $connection;

sub connected {
    return $connection if $connection;
    $connection =
        $address =~ m{^/}
      ? IO::Socket::UNIX->new( Peer => $address, Timeout => $timeout )
      : IO::Socket::INET->new( PeerAddr => $address, Timeout => $timeout );
    return $connection;
}

# exchange returns the head of the answer, or nothing.
sub exchange {
    my ($request) = @_;
    my $socket = connected() or return;
    for ( my $sent = 0 ; $sent < length $request ; ) {
        my $n = syswrite $socket, $request, length($request) - $sent, $sent;
        return unless $n;
        $sent += $n;
    }
    my ( $select, $head ) = ( IO::Select->new($socket), '' );
    while ( $head !~ /\r\n\r\n/ ) {
        return unless $select->can_read($timeout);
        return unless sysread $socket, $head, 4096, length $head;
    }
    # A verdict has no body. After anything else the connection is of no use.
    if ( $head !~ /\r\n\r\n\z/ || $head !~ /^Content-Length: 0\r$/mi || $head =~ /^Connection: close\r$/mi ) {
        undef $connection;
    }
    return $head;
}

sub ask {
    my ( $path, $client, $original, $authorization ) = split / /, shift, 4;
    die "not a line of httpd's\n" unless defined $authorization;
    for ( $path, $client, $original, $authorization ) {
        die "control bytes\n" if /[\x00-\x08\x0a-\x1f\x7f]/;
    }
    my $request = "GET $path HTTP/1.1\r\nHost: auth-service\r\n";
    $request .= "X-Real-IP: $client\r\nX-Original-URI: " . substr( $original, 0, 256 ) . "\r\n";
    $request .= "Authorization: $authorization\r\n" if $authorization ne '';
    $request .= "\r\n";

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
    my $name = $status == 200 ? 'X-Auth-Request-User' : 'WWW-Authenticate';
    my ($value) = $head =~ /^\Q$name\E: ([^\r\n]+)\r$/mi or die "no $name\n";
    return "$status $value";
}

while ( my $line = <STDIN> ) {
    chomp $line;
    my $answer = eval { ask($line) };
    print defined $answer ? $answer : '500 -', "\n";
}
