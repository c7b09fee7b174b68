package Test::Nginx::WebSocket::Token;

# Tokens (RFC 7519), and keys to sign them with, made when the test runs.

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw(import);
use JSON::PP ();
use MIME::Base64 ();

our @EXPORT_OK = qw(make_keys sign_token write_file);

my $Json = JSON::PP->new->canonical->utf8->allow_nonref;


# Makes rsa.pem and ec.pem with rsa.pub and ec.pub, and the secret hs.key.

sub make_keys {
    my ($dir) = @_;

    mkdir $dir;

    for my $make ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
                  . " -out $dir/rsa.pem",
                  "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
                  . " -out $dir/ec.pem",
                  "pkey -in $dir/rsa.pem -pubout -out $dir/rsa.pub",
                  "pkey -in $dir/ec.pem -pubout -out $dir/ec.pub")
    {
        system("openssl $make 2>/dev/null") == 0 or die "openssl $make";
    }

    write_file("$dir/hs.key", "a secret of more than 32 bytes for HS256\n");

    return;
}


sub write_file {
    my ($name, $text) = @_;

    open my $f, '>', $name or die "$name: $!";
    print {$f} $text;
    close $f or die "$name: $!";

    return;
}


# A token of these claims, a hash or text; alg is HS256, RS256, ES256 or none,
# key a secret or the name of a file, header what the header has besides.

sub sign_token {
    my ($claims, $alg, $key, %header) = @_;

    my $text = join '.', map { encode(ref $_ ? $Json->encode($_) : $_) }
                             { alg => $alg, typ => 'JWT', %header }, $claims;

    my $signature = $alg eq 'HS256' ? Digest::SHA::hmac_sha256($text, $key)
                    : $alg eq 'none' ? ''
                    : openssl_sign($text, $key);

    $signature = from_der($signature) if $alg eq 'ES256';

    return "$text." . encode($signature);
}


sub encode {
    my ($bytes) = @_;

    return MIME::Base64::encode_base64url($bytes);
}


sub openssl_sign {
    my ($text, $key) = @_;

    write_file("$key.text", $text);

    my $signature = `openssl dgst -sha256 -sign $key -binary $key.text`;
    die "openssl dgst" if $?;

    return $signature;
}


# The two numbers of an ECDSA signature, as RFC 7518, section 3.4, has them.

sub from_der {
    my ($der) = @_;

    my (undef, undef, $r, $s) = unpack 'C C x C/a x C/a', $der;

    return join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
}


1;
