#!/usr/bin/perl
# Prints characters_table.h: which class of characters each code point is in.
#
#     perl src/text/characters.pl >src/text/characters_table.h
#
# The gateway asks a regular-expression library, whose edition of Unicode is
# not known.  So only characters that Unicode 11 (2018) has are in the table,
# the edition of the oldest library that Laravel 8 runs with; Perl is used
# because it knows when a character came in.
use strict;
use warnings;
use Unicode::UCD;

my $version = Unicode::UCD::UnicodeVersion();
my @runs = ([0, 'NONE']);

for my $code (0x80 .. 0x10FFFF)
{
	next if $code >= 0xD800 && $code <= 0xDFFF;
	my $char = chr $code;
	my $class =
		  $char !~ /\p{Present_In=11.0}/ ? 'NONE'
		: $char =~ /[\p{L}\p{N}]/        ? 'LETTER'
		: $char =~ /\p{M}/               ? 'MARK'
		: $char =~ /\p{S}/               ? 'SYMBOL'
		: $char =~ /\p{P}/               ? 'PUNCTUATION'
		:                                  'NONE';
	push @runs, [$code, $class] if $class ne $runs[-1][1];
}

my %short = (NONE => 'N', LETTER => 'L', MARK => 'M', SYMBOL => 'S',
	PUNCTUATION => 'P');
print <<"END";
/*
 * characters_table.h
 *		Classes of the characters beyond ASCII.  Printed by characters.pl
 *		from Unicode $version, of what Unicode 11.0 already had; do not edit.
 *
 * The first code point of each run of one class, in order.
 */
#ifndef FPGO_CHARACTERS_TABLE_H
#define FPGO_CHARACTERS_TABLE_H

/* clang-format off */
static const FpgoRun runs[] = {
END
while (my @row = splice @runs, 0, 6)
{
	print "\t", join(' ', map { sprintf '{0x%X, %s},', $_->[0], $short{ $_->[1] } } @row), "\n";
}
print "};\n/* clang-format on */\n\n#endif\t\t\t\t\t\t\t/* FPGO_CHARACTERS_TABLE_H */\n";
