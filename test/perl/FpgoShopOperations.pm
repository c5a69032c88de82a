package FpgoShopOperations;

# What people and programs do to a shop's orders, at random and by a seed: a list
# of transactions for FpgoShopHistory's tables.
#
#     my @transactions = random_transactions($n, $sessions);
#
# Each is a hash: session => whose, ids => primary keys it names, sql, operations
# => how many it has.  Perl's rand makes them, so srand before repeats them.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(one_of random_transactions);

# So many rows are changed most of the time: the newest ones.
my $window = 12;

my ($last_id, $last_reference);

# one_of(@list): an element of it.
sub one_of { return $_[ rand @_ ]; }

sub pick_id { return rand() < 0.75 && $last_id > $window ? $last_id - int rand $window : 1 + int rand $last_id; }

sub new_id        { return ++$last_id; }
sub new_reference { return rand() < 0.3 ? 'NULL' : q{'R-} . ++$last_reference . q{'}; }
sub some_maturity { return 10 + int rand 5; }
sub some_line     { return q{'Line } . (1 + int rand 4) . q{'}; }

sub insert {
    my ($id, $conflict) = @_;
    return sprintf 'INSERT INTO shop_order VALUES (%d, %d, %s, %s) %s', $id, one_of(10, some_maturity()), new_reference(),
        one_of(qw(true true true true false)), $conflict // '';
}

# weight, and what gives the primary keys and the statements
my @operations = (
    [ 18, sub { my $id = new_id(); return ([$id], insert($id), map { "INSERT INTO line VALUES ($id, " . some_line() . ')' } 1 .. rand 3) } ],
    [ 16, sub { my $id = pick_id(); return ([$id], "UPDATE shop_order SET maturity = " . some_maturity() . " WHERE id = $id") } ],
    [ 8, sub { my $id = pick_id(); return ([$id], "UPDATE shop_order SET maturity = 10 WHERE id = $id") } ],
    [ 9, sub { my $id = pick_id(); return ([$id], "INSERT INTO line SELECT id, " . some_line() . " FROM shop_order WHERE id = $id") } ],
    [ 4, sub { my $id = pick_id(); return ([$id], 'UPDATE line SET name = ' . some_line() . " WHERE shop_order = $id AND name = " . some_line()) } ],
    [ 2, sub { my ($id, $other) = (pick_id(), pick_id());
        return ([ $id, $other ], "UPDATE line SET shop_order = $other WHERE shop_order = $id AND EXISTS (SELECT FROM shop_order WHERE id = $other)") } ],
    [ 4, sub { my $id = pick_id(); return ([$id], "DELETE FROM line WHERE shop_order = $id AND name = " . some_line()) } ],
    [ 7, sub { my $id = pick_id(); return ([$id], "DELETE FROM shop_order WHERE id = $id") } ],
    [ 8, sub { my $id = pick_id(); return ([$id], insert($id, 'ON CONFLICT DO NOTHING')) } ],
    [ 4, sub { my $id = pick_id(); return ([$id], insert($id, 'ON CONFLICT (id) DO UPDATE SET maturity = excluded.maturity, is_ready = excluded.is_ready')) } ],
    [ 3, sub { my $id = pick_id(); return ([$id], "DELETE FROM shop_order WHERE id = $id", insert($id)) } ],
    [ 4, sub { my ($id, $other) = (pick_id(), new_id()); return ([ $id, $other ], "UPDATE shop_order SET id = $other WHERE id = $id") } ],
    [ 4, sub { my ($id, $other) = (pick_id(), pick_id());
        return ([ $id, $other ], "UPDATE shop_order SET id = $other WHERE id = $id AND NOT EXISTS (SELECT FROM shop_order WHERE id = $other)") } ],
    [ 1, sub { my ($id, $other) = (pick_id(), pick_id());
        return ([ $id, $other ], map { "UPDATE shop_order SET id = $_->[1] WHERE id = $_->[0]" } [ $id, -$id ], [ $other, $id ], [ -$id, $other ]) } ],
    [ 4, sub { my $id = pick_id(); return ([$id], 'UPDATE shop_order SET reference = ' . new_reference() . " WHERE id = $id") } ],
    [ 1, sub { my ($id, $other) = (pick_id(), pick_id());
        return ([ $id, $other ], "UPDATE shop_order SET reference = (SELECT reference FROM shop_order WHERE id = $other) WHERE id = $id") } ],
    [ 5, sub { my $id = pick_id(); return ([$id], "UPDATE shop_order SET is_ready = false WHERE id = $id") } ],
    [ 6, sub { my $id = pick_id(); return ([$id], "UPDATE shop_order SET is_ready = true WHERE id = $id") } ],
);
my $total = 0;
$total += $_->[0] for @operations;

sub operation {
    my $left = rand $total;
    for my $operation (@operations) {
        $left -= $operation->[0];
        return $operation->[1]->() if $left < 0;
    }
    return $operations[-1][1]->();
}

# The statements of a transaction with several operations.
sub arrange {
    my (@operations) = @_;
    my @sql = map { [@$_] } @operations;
    if (rand() < 0.35) {
        my $kept = rand() < 0.3;
        my $at   = int rand @sql;
        unshift @{ $sql[$at] }, 'SAVEPOINT a';
        push @{ $sql[ $at + int rand(@sql - $at) ] }, $kept ? 'RELEASE a' : 'ROLLBACK TO a';
    }
    my $at = int rand @sql;
    push @{ $sql[$at] }, 'SET CONSTRAINTS ALL IMMEDIATE' if rand() < 0.15;
    push @{ $sql[$at] }, 'SET CONSTRAINTS ALL DEFERRED'  if rand() < 0.08;
    my $begin = rand() < 0.1 ? 'BEGIN ISOLATION LEVEL ' . one_of('REPEATABLE READ', 'SERIALIZABLE') : 'BEGIN';
    return ($begin, (map { @$_ } @sql), rand() < 0.15 ? 'ROLLBACK' : 'COMMIT');
}

# random_transactions($n, $sessions): with so many operations in all, dealt out to
# so many sessions.
sub random_transactions {
    my ($n, $sessions) = @_;
    ($last_id, $last_reference) = (1, 0);
    my @transactions;
    while ($n > 0) {
        my $operations = rand() < 0.5 ? 1 : 2 + int rand 4;
        my (@ids, @parts);
        for (1 .. $operations) {
            my ($ids, @sql) = operation();
            push @ids, @$ids;
            push @parts, \@sql;
        }
        my @sql = $operations == 1 && @{ $parts[0] } == 1 ? $parts[0][0] : arrange(@parts);
        push @transactions, { session => int rand $sessions, ids => \@ids, operations => $operations, sql => join ";\n", @sql };
        $n -= $operations;
    }
    return @transactions;
}

1;
