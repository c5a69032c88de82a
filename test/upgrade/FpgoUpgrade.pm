package FpgoUpgrade;

# What the tests of updates share: fpgo 1.0's SQL objects, and comparing what the
# catalogs say of the extension in two databases.
#
#     offer_version_1_0($node);
#     $node->safe_psql('old', q{CREATE EXTENSION fpgo VERSION '1.0'});
#     ...
#     is(join("\n", differences(catalogs($node, 'old'), catalogs($node, 'new'))), '');

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use PostgreSQL::Test::Utils;

our @EXPORT = qw(catalogs differences objects_of offer_version_1_0 psql_file restore upgrade_file);

my $directory = dirname(__FILE__);

# upgrade_file($name): the path of a file beside this one.
sub upgrade_file { return "$directory/$_[0]"; }

# offer_version_1_0($node): CREATE EXTENSION fpgo VERSION '1.0' works from now on, as
# where the package of 1.0 is installed still.  Tests that run at once may all do it.
sub offer_version_1_0 {
    my ($node) = @_;
    my $script = $node->config_data('--sharedir') . '/extension/fpgo--1.0.sql';
    copy(upgrade_file('fpgo--1.0.sql'), "$script.$$") or die "copy: $!\n";
    rename "$script.$$", $script or die "rename: $!\n";
    return;
}

# psql_file($node, $database, $name[, $before]): what psql prints of a file beside this
# one, after some SQL in the same transaction, which is rolled back.
sub psql_file {
    my ($node, $database, $name, $before) = @_;
    my $script = slurp_file(upgrade_file($name));
    my ($status, $out, $said) = $node->psql($database, "BEGIN;\n" . ($before // '') . ";\n$script;\nROLLBACK;",
        extra_params => ['--no-align'], on_error_stop => 1);
    die "$name in $database: $said\n" if $status != 0;
    return "$out\n";
}

# catalogs($node, $database[, $plant]): a hash of what the catalogs say of the extension,
# after some SQL that is rolled back: "object property" => value.
sub catalogs {
    my ($node, $database, $plant) = @_;
    my %said;
    for my $line (split /\n/, psql_file($node, $database, 'catalogs.sql', $plant)) {
        my ($object, $property, $value) = split /\t/, $line, 3;
        die "no line of catalogs.sql: $line\n" unless defined $value;
        $said{"$object $property"} = $value;
    }
    return \%said;
}

# differences($one, $other): a line each.
sub differences {
    my ($one, $other) = @_;
    my @differences;
    for my $key (sort keys %{ { %$one, %$other } }) {
        my ($here, $there) = map { $_->{$key} // 'nothing' } $one, $other;
        push @differences, "$key: $here <> $there" if $here ne $there;
    }
    return @differences;
}

# objects_of($node, $database): every object of the extension and column of its tables
# and views, with the number that the catalogs know it by.  Indexes are left out: no
# object of a shop's can depend on one.
sub objects_of {
    my ($node, $database) = @_;
    return split /\n/, $node->safe_psql($database, q{
        SELECT i.type || ' ' || i.identity || ' ' || d.classid::regclass || ' ' || d.objid
        FROM (SELECT classid, objid, 0 AS sub FROM pg_depend
                WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
                    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo')
            UNION ALL SELECT 'pg_class'::regclass, c.oid, a.attnum
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND c.relkind NOT IN ('i', 'I')
                WHERE c.relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace)) d,
            pg_identify_object(d.classid, d.objid, d.sub) i});
}

# restore($node, $database, $dump): a dump in plain text; the first error dies.
sub restore {
    my ($node, $database, $dump) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
    append_to_file($file, $dump);
    $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-f', $file ],
        "$database: the dump restores");
    return;
}

1;
