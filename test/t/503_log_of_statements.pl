# What PostgreSQL itself logs of an order in a user's own statement, and what keeps it
# out: the table in src/doc/drivers.md.  Each line is seen to tell, and to be silent with its cure.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use FpgoProtocol;
use FpgoTest;

# a personal number that may be in this log; the canary may not
my $number  = '15810199900';
my $gateway = FpgoGateway->start('--token', $TOKEN);
my $node    = new_cluster('main', url => $gateway->address, mapping => "token 'not-the-canary'",
    settings => "shared_preload_libraries = 'auto_explain,pg_stat_statements'\nwal_level = logical\n"
      . "log_min_error_statement = error\nlog_min_messages = warning\n");

sub personal_order { return order('customerDetails.personalNumber' => $number); }

# logged_of(\@settings, $sql, @parameters): what the log and the client are told of a
# statement of a session with these settings.
sub logged_of {
    my ($settings, @statement) = @_;
    my $client = FpgoProtocol->connect($node);
    my $before = -s $node->logfile;
    $client->run("SET $_") for @$settings;
    $client->run(@statement);
    return substr(slurp_file($node->logfile), $before) . $client->forget;
}

# tells($name, \@settings, \@cure, \@statement[, \@cured]): with these settings, and
# log_parameter_max_length as it is unless somebody changes it, the number is told;
# with the cure, or in place of the statement the one that is the cure, it is not.
sub tells {
    my ($name, $settings, $cure, $statement, $cured) = @_;
    my @usual = ('log_parameter_max_length = -1', @$settings);
    like(logged_of(\@usual, @$statement), qr/$number/, "$name: tells");
    unlike(logged_of([ @usual, @$cure ], @{ $cured // $statement }), qr/$number/, "$name: silent with its cure");
    return;
}

my $validate = 'SELECT count(*) FROM fpgo.validate($1)';
my @bound    = ($validate, personal_order());
my @literal  = ($validate =~ s/\$1/literal(personal_order())/er);

for my $setting ('log_statement = "all"', 'log_duration = on, log_min_duration_statement = 0',
    'log_min_duration_statement = 0', 'log_min_duration_sample = 0, log_statement_sample_rate = 1')
{
    my @settings = split /, /, $setting;
    tells("$setting, bound", \@settings, ['log_parameter_max_length = 0'], \@bound);
    tells("$setting, in the text", \@settings, ['log_parameter_max_length = 0'], \@literal, \@bound);
}

# an error in the user's own part of the statement
my $fails = 'SELECT 1 / count(*), $1::text FROM pg_class WHERE false';
tells('an error, in the text', [], [], [ $fails =~ s/\$1/"'$number'"/er ], [ $fails, $number ]);
tells('an error in a parallel worker', [ parallel_setting() . ' = on' ], [], ["SELECT fpgo.validate('{\"n\": $number')"],
    [ 'SELECT fpgo.validate($1)', "{\"n\": $number" ]);
tells('an error, bound, log_parameter_max_length_on_error', ['log_parameter_max_length_on_error = -1'],
    ['log_parameter_max_length_on_error = 0'], [ $fails, $number ]);
tells('jsonb that is none', [], [], [ 'SELECT fpgo.is_valid($1::jsonb)', "{\"n\": $number\"}" ],
    [ 'SELECT fpgo.validate($1)', "{\"n\": $number\"}" ]);
tells('an invoice_order that is JSON', [], [], [ 'SELECT fpgo.validate($1::fpgo.invoice_order)', personal_order() ],
    [ 'SELECT fpgo.validate($1)', personal_order() ]);
tells('an invoice_order that is broken JSON, cast', [], [], [ 'SELECT $1::fpgo.invoice_order', "{\"n\": $number" ],
    [ 'SELECT $1::text::fpgo.invoice_order', "{\"n\": $number" ]);

my @no_parameters = no_explained_parameters();
tells('auto_explain, its parameters', ['auto_explain.log_min_duration = 0'], \@no_parameters, \@bound)
  if @no_parameters;
tells('auto_explain, verbose', [ 'auto_explain.log_min_duration = 0', 'auto_explain.log_verbose = on' ],
    [ 'auto_explain.log_verbose = off', @no_parameters ], \@bound);
tells('auto_explain, a parameter in a condition', ['auto_explain.log_min_duration = 0'],
    [ 'plan_cache_mode = force_generic_plan', @no_parameters ], [ 'SELECT 1 FROM pg_class WHERE relname = $1', $number ]);
tells('auto_explain, verbose, with generic plans', [ 'auto_explain.log_min_duration = 0', 'auto_explain.log_verbose = on' ],
    [ 'plan_cache_mode = force_generic_plan', @no_parameters ], \@bound);
# plans are printed with the bytes of a constant in decimals
my $bytes = join ' ', map { ord } split //, $number;
my @printed = ('debug_print_plan = on', 'log_min_messages = log');
like(logged_of(\@printed, @bound), qr/\Q$bytes\E/, 'debug_print_plan: tells the bytes');
unlike(logged_of([ @printed, 'plan_cache_mode = force_generic_plan' ], @bound), qr/\Q$bytes\E/,
    'debug_print_plan: silent with generic plans');

# pg_stat_statements and pg_stat_activity
$node->safe_psql('postgres', q{CREATE EXTENSION pg_stat_statements; CREATE PROCEDURE invoice("order" text)
    LANGUAGE plpgsql AS $$ BEGIN PERFORM fpgo.validate("order"); END $$});
my $client = FpgoProtocol->connect($node);
my $kept   = sub { return $node->safe_psql('postgres', qq{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%$_[0]%'
    AND query NOT LIKE '%pg_stat_statements%'}) };
$client->run(@literal);
is($kept->($number), 0, 'pg_stat_statements: no constant of a query');
$client->run('CALL invoice($1)', personal_order());
is($kept->($number), 0, 'pg_stat_statements: no parameter of a CALL');
$client->run('CALL invoice(' . literal(personal_order()) . ')');
my $calls = $kept->($number);
is($calls, major_version() < 17 ? 1 : 0, 'pg_stat_statements: the text of a CALL before PostgreSQL 17');
$client->run("DO \$\$ BEGIN PERFORM fpgo.validate('" . personal_order() . "'); END \$\$");
is($kept->($number), $calls + 1, 'pg_stat_statements: the text of a DO');
is($kept->('not-the-canary'), 1, 'pg_stat_statements: the token of CREATE USER MAPPING');
$client->run('SELECT pg_stat_statements_reset()');
$client->run('SET pg_stat_statements.track_utility = off');
$client->run('CALL invoice(' . literal(personal_order()) . ')');
is($kept->($number), 0, 'pg_stat_statements.track_utility = off: neither');
$client->run(@literal);
like($node->safe_psql('postgres', 'SELECT query FROM pg_stat_activity WHERE pid = ' . $client->pid), qr/$number/,
    'pg_stat_activity: the text of the last statement');
$client->run(@bound);
unlike($node->safe_psql('postgres', 'SELECT query FROM pg_stat_activity WHERE pid = ' . $client->pid), qr/$number/,
    'pg_stat_activity: no parameter');

# a publication of all tables has the payloads in it
$node->safe_psql('postgres', q{
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE PUBLICATION events FOR TABLE fpgo_internal.event;
    SELECT pg_create_logical_replication_slot('slot', 'pgoutput')});
$client->run('SELECT fpgo.enqueue_invoice($1)', personal_order());
my $published = sub { return $node->safe_psql('postgres', qq{SELECT count(*) FROM pg_logical_slot_peek_binary_changes('slot', NULL, NULL,
    'proto_version', '1', 'publication_names', '$_[0]') WHERE position('$number'::bytea IN data) > 0}) };
is($published->('everything'), 1, 'a publication FOR ALL TABLES has payloads');
is($published->('events'), 0, 'one of other tables has none');

# what two sessions were doing that waited for each other
{
    my @clients = map { FpgoProtocol->connect($node, deadlock_timeout => '50ms') } 1 .. 2;
    my @orders  = map { personal_order() } 1 .. 2;
    my $before  = -s $node->logfile;
    $_->run('BEGIN') for @clients;
    $clients[$_]->run('SELECT fpgo.enqueue_invoice(' . literal($orders[$_]) . ')') for 0, 1;
    $clients[$_]->begin('SELECT fpgo.enqueue_invoice(' . literal($orders[ 1 - $_ ]) . ')') for 0, 1;
    is(scalar(grep { $_->finish->{sqlstate} eq '40P01' } @clients), 1, 'a deadlock is ended');
    like(substr(slurp_file($node->logfile), $before), qr/Process \d+: SELECT fpgo\.enqueue_invoice.*$number/,
        'a deadlock: the log has the text of both statements');
}

check_log($node);
$node->stop;
done_testing();
