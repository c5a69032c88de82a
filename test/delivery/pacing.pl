# 2,000 orders at what the gateway allows: by the worker, by four calls, by all of them.

use strict;
use warnings;

use FindBin;

$ENV{FPGO_PACED_ORDERS} //= 2000;
exec $^X, "$FindBin::RealBin/../t/221_allowance.pl" or die "no perl: $!\n";
