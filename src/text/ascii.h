/*
 * ascii.h
 *		Classes of single bytes, whatever the locale.
 */
#ifndef FPGO_ASCII_H
#define FPGO_ASCII_H

#include <stdbool.h>
#include <string.h>

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_ascii_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
is_ascii_alnum(char c)
{
	return is_digit(c) || is_ascii_letter(c);
}

static inline bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool
is_beyond_ascii(char c)
{
	return (unsigned char) c >= 0x80;
}

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* strchr() that does not find the terminator */
static inline bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

#endif							/* FPGO_ASCII_H */
