# 2,000 orders at what the gateway allows: by the worker, by four calls, by all of them.

use strict;
use warnings;

use FindBin;

$ENV{FPGO_PACED_ORDERS} //= 2000;
my $file = "$FindBin::RealBin/../t/221_allowance.pl";
do $file;
die $@ if $@;
