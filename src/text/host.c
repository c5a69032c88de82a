/*
 * host.c
 *		Can a URL be reached from outside?
 *
 * Pure: no postgres.h, no allocation, no locale.  The URL is one that
 * fpgo_is_url() takes; of another one nothing is said.
 */
#include <stdlib.h>
#include <string.h>

#include "text/ascii.h"
#include "text/host.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* longest text of an address or a name that is looked at; DNS allows 253 */
#define HOST_MAX_BYTES 255

/* What stands between "://" and the path, in parts. */
typedef struct Authority
{
	bool		has_user;
	char		host[HOST_MAX_BYTES + 1];	/* without the brackets of IPv6 */
	bool		is_bracketed;
	FpgoSpan	port;			/* empty if there is none */
} Authority;

static bool
ends_authority(char c)
{
	return c == '/' || c == '?' || c == '#';
}

static FpgoSpan
find_authority(FpgoSpan url)
{
	static const char mark[] = "://";
	FpgoSpan	authority = {url.text, 0};

	for (size_t i = 0; i + 3 <= url.len; i++)
	{
		if (memcmp(url.text + i, mark, 3) != 0)
			continue;
		authority.text = url.text + i + 3;
		while (i + 3 + authority.len < url.len &&
			   !ends_authority(authority.text[authority.len]))
			authority.len++;
		break;
	}
	return authority;
}

static bool
read_authority(FpgoSpan url, Authority *parts)
{
	FpgoSpan	left = find_authority(url);
	size_t		host_len;

	parts->has_user = false;
	parts->port = (FpgoSpan) {NULL, 0};
	for (size_t i = left.len; i > 0; i--)
	{
		if (left.text[i - 1] != '@')
			continue;
		parts->has_user = true;
		left.text += i;
		left.len -= i;
		break;
	}
	parts->is_bracketed = left.len > 0 && left.text[0] == '[';
	if (parts->is_bracketed)
	{
		const char *end = memchr(left.text, ']', left.len);

		if (end == NULL)
			return false;
		left.text++;
		left.len--;
		host_len = (size_t) (end - left.text);
	}
	else
	{
		const char *colon = memchr(left.text, ':', left.len);

		host_len = colon == NULL ? left.len : (size_t) (colon - left.text);
	}
	if (host_len > HOST_MAX_BYTES)
		return false;
	memcpy(parts->host, left.text, host_len);
	parts->host[host_len] = '\0';
	host_len += parts->is_bracketed;
	if (host_len < left.len && left.text[host_len] == ':')
		parts->port = (FpgoSpan) {left.text + host_len + 1, left.len - host_len - 1};
	return host_len > 0;
}

static char
small(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Does a text begin with a word in small letters, whatever its own? */
static bool
begins_with(const char *text, const char *word)
{
	for (; *word != '\0'; text++, word++)
	{
		if (small(*text) != *word)
			return false;
	}
	return true;
}

/* ---------- ports and addresses ---------- */

static bool
is_port(FpgoSpan port)
{
	int			number = 0;

	for (size_t i = 0; i < port.len; i++)
	{
		if (!is_digit(port.text[i]))
			return false;
		number = number * 10 + port.text[i] - '0';
		if (number > 65535)
			return false;
	}
	return number > 0;
}

/* Four numbers, whatever their size; false if it is something else. */
static bool
read_four(const char *host, long numbers[4])
{
	for (int i = 0; i < 4; i++)
	{
		char	   *end;

		if (!is_digit(*host))
			return false;
		numbers[i] = strtol(host, &end, 10);
		if (*end != (i < 3 ? '.' : '\0'))
			return false;
		host = end + 1;
	}
	return true;
}

/* RFC 6890: this host, private use, loopback, link-local. */
static bool
is_inside_4(const long n[4])
{
	return n[0] == 0 || n[0] == 10 || n[0] == 127 ||
		(n[0] == 169 && n[1] == 254) ||
		(n[0] == 172 && n[1] >= 16 && n[1] <= 31) ||
		(n[0] == 192 && n[1] == 168);
}

/* The same of IPv6, by how the text begins. */
static bool
is_inside_6(const char *host)
{
	return strcmp(host, "::1") == 0 || strcmp(host, "::") == 0 ||
		begins_with(host, "fc") || begins_with(host, "fd") ||
		(begins_with(host, "fe") && host[2] != '\0' &&
		 strchr("89ab", small(host[2])) != NULL);
}

/* ---------- names ---------- */

static bool
ends_with(const char *host, const char *tail)
{
	size_t		n = strlen(host);
	size_t		n_tail = strlen(tail);

	return n >= n_tail && begins_with(host + n - n_tail, tail);
}

/* Names that no public name server has: RFC 6761 and 6762, ICANN's .internal. */
static bool
is_name_inside(const char *host)
{
	static const char *const tails[] = {".localhost", ".local", ".internal",
	".test", ".invalid", ".home.arpa"};

	if (strchr(host, '.') == NULL)
		return true;
	for (int i = 0; i < LENGTH(tails); i++)
	{
		if (ends_with(host, tails[i]))
			return true;
	}
	return false;
}

FpgoHostFault
fpgo_find_host_fault(FpgoSpan url)
{
	Authority	parts;
	long		numbers[4];

	if (!read_authority(url, &parts))
		return FPGO_HOST_RIGHT;
	if (parts.has_user)
		return FPGO_HOST_USER;
	if (parts.port.len > 0 && !is_port(parts.port))
		return FPGO_HOST_PORT;
	if (parts.is_bracketed)
		return is_inside_6(parts.host) ? FPGO_HOST_INSIDE : FPGO_HOST_RIGHT;
	if (read_four(parts.host, numbers))
	{
		for (int i = 0; i < 4; i++)
		{
			if (numbers[i] > 255)
				return FPGO_HOST_NUMBERS;
		}
		return is_inside_4(numbers) ? FPGO_HOST_INSIDE : FPGO_HOST_RIGHT;
	}
	return is_name_inside(parts.host) ? FPGO_HOST_INSIDE : FPGO_HOST_RIGHT;
}
