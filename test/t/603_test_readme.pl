# test/README.md: its tables have every TAP file, every module of test/perl, every
# folder of test/ and every stage of test/check, and its samples run.

use strict;
use warnings;

use File::Basename qw(basename dirname);
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $test_dir = dirname($FindBin::RealBin);
my $readme   = slurp_file("$test_dir/README.md");
my $files    = PostgreSQL::Test::Utils::tempdir();

# what a run of the tests leaves behind in test/
my %made_by_runs = map { $_ => 1 } qw(output_iso results);

# What the first cells of a table name, for all tables of the README: a hash.
my %row_of;
for my $cell ($readme =~ /^\| (`[^|]*) \|/mg) {
    $row_of{$_}++ for $cell =~ /`([^`]+)`/g;
}

# listed($what, @names): each of these has one row.
sub listed {
    my ($what, @names) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    cmp_ok(scalar @names, '>', 0, "there are $what");
    my @wrong = grep { ($row_of{$_} // 0) != 1 } @names;
    is("@wrong", '', "$what: each has a line in test/README.md");
    return;
}

my @tap_files = map { basename($_, '.pl') } glob "$test_dir/t/*.pl";
listed('TAP files', @tap_files);
my %is_file = map { $_ => 1 } @tap_files;
my @gone    = sort grep { /^\d{3}_/ and !$is_file{$_} } keys %row_of;
is("@gone", '', 'no line is about a TAP file that is not there');

listed('modules', map { basename($_, '.pm') } glob "$test_dir/perl/*.pm");
listed('folders', map { basename($_) . '/' } grep { -d and !$made_by_runs{ basename $_ } } glob "$test_dir/*");

# the stages that test/check and the files it sources declare
my @scripts = grep { -f } glob "$test_dir/* $test_dir/lib/*";
my @stages  = map { split ' ' } map { slurp_file($_) =~ /^(?:long_)?stages=\((.*)\)$/mg } @scripts;
listed('stages', @stages);

# sample($kind, $name): the block of code marked so, in a file of its own.
sub sample {
    my ($kind, $name) = @_;
    my ($text) = $readme =~ /^```$kind\n(.*?)^```$/ms or die "test/README.md has no sample marked $kind\n";
    append_to_file("$files/$name", $text);
    return "$files/$name";
}

# passes($name, @command): it succeeds, and says so in TAP.
sub passes {
    my ($name, @command) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($said, $complaint) = ('', '');
    my $ran = IPC::Run::run(\@command, '>', \$said, '2>', \$complaint);
    ok($ran, "$name succeeds") or diag("$said$complaint");
    like($said, qr/^ok 1 - .*^1\.\.\d+$/ms, "$name prints TAP");
    return;
}

my $source = sample('c', 'test_sample.c');
ok(IPC::Run::run([ 'cc', "-I$test_dir/../src", "-I$test_dir/unit", '-o', "$files/test_sample", $source ]),
    'the sample of a unit test builds');
passes('the sample of a unit test', "$files/test_sample");
passes('the sample of a TAP test', $^X, sample('perl', '603_sample.pl'));

done_testing();
