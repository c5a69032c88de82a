package FpgoNames;

# Host names that mean, to the servers started while they are in force, what a
# test says.
#
#     my $names = FpgoNames->new('gateway.example' => [ '127.0.0.1' ]);
#     my $node  = $names->in_force(sub { new_cluster('main', url => 'https://gateway.example') });
#     $names->set('gateway.example' => [ '10.0.0.1', 'fd00::1' ]);
#
# The library nss_wrapper answers in place of the system's resolver, one thread at
# a time (one_look_up.c).  What is set later counts for names that libcurl does not remember yet, so let each
# case have a name of its own.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils ();

sub new {
    my ($class, %addresses) = @_;
    my $directory = PostgreSQL::Test::Utils::tempdir();
    my $self      = bless { file => "$directory/hosts", library => "$directory/one_look_up.so", addresses => {} }, $class;
    PostgreSQL::Test::Utils::system_or_bail($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $self->{library},
        dirname(__FILE__) . '/one_look_up.c', '-ldl', '-lpthread');
    $self->set(%addresses);
    return $self;
}

# set($name => [ @addresses ], ...): beside the names there are.
sub set {
    my ($self, %addresses) = @_;
    my $all = $self->{addresses};
    $all->{$_} = $addresses{$_} for keys %addresses;
    my $lines = join '', map { my $name = $_; map { "$_ $name\n" } @{ $all->{$name} } } sort keys %$all;
    # in one step, since a server may be reading it
    open my $file, '>', "$self->{file}.new" or die "$self->{file}.new: $!\n";
    print {$file} $lines or die "$self->{file}.new: $!\n";
    close $file          or die "$self->{file}.new: $!\n";
    chmod 0644, "$self->{file}.new";
    rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!\n";
    return;
}

# in_force($code): what $code returns; the servers it starts have these names.
sub in_force {
    my ($self, $code) = @_;
    local $ENV{LD_PRELOAD}        = "$self->{library} libnss_wrapper.so";
    local $ENV{NSS_WRAPPER_HOSTS} = $self->{file};
    return $code->();
}

1;
