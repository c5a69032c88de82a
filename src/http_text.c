/*
 * http_text.c
 *		The small texts of HTTP: addresses, header values, tokens.
 *
 * The rule for an address: fpgo, libcurl and the person who typed it must
 * read it the same way.  So it is first taken apart by our own narrow
 * grammar, and then libcurl has to find the same host in it; the string that
 * passed is the string that is sent.  Plain HTTP is for this machine only,
 * and http.c looks at the connected peer once more, since a name can resolve
 * to anything.
 *
 * Nothing here raises or uses a memory context.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <time.h>

#include <curl/curl.h>

#include "http.h"
#include "http_text.h"

#define MAX_URL_LENGTH 2048

/* the longest name that DNS can hold */
#define MAX_HOST_LENGTH 253

/* twice the length of a date in a header */
#define MAX_DATE_LENGTH 63

#define MAX_NUMBER_DIGITS 9

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_CHARACTERS DIGITS LETTERS "-._"
#define IPV6_CHARACTERS DIGITS "abcdefABCDEF:."

/* what RFC 3986 lets stand in an address, but for the user's "@" and such */
#define URL_CHARACTERS DIGITS LETTERS "-._~:/?#[]@!$&'()*+,;=%"

static const char unusual_host[] = "must spell its host in the usual way";

/* Do the two stretches of ASCII differ in case at most? */
static bool
is_same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && pg_strncasecmp(a, b, a_len) == 0;
}

/*
 * A host without brackets: labels of letters, digits, hyphens, underscores.
 * A number of any other form than the four of an IPv4 address is refused,
 * because "127.1", "0x7f.1" and 2130706433 are all this machine to somebody.
 */
static bool
is_usual_name(const char *host, size_t len)
{
	char		name[MAX_HOST_LENGTH + 1];
	const char *last_label;
	struct in_addr v4;

	if (len > MAX_HOST_LENGTH)
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strspn(name, NAME_CHARACTERS) != len || name[0] == '.' ||
		strstr(name, "..") != NULL)
		return false;
	if (inet_pton(AF_INET, name, &v4) == 1)
		return true;

	/* RFC 1123: a name's last label is not a number */
	if (name[len - 1] == '.')
		name[len - 1] = '\0';
	last_label = strrchr(name, '.');
	last_label = last_label ? last_label + 1 : name;
	return last_label[strspn(last_label, DIGITS)] != '\0' &&
		pg_strncasecmp(last_label, "0x", 2) != 0;
}

/* A host with its brackets. */
static bool
is_usual_ipv6(const char *host, size_t len)
{
	char		address[INET6_ADDRSTRLEN + 1];
	struct in6_addr v6;

	if (len < 4 || len - 2 >= sizeof(address) || host[len - 1] != ']')
		return false;
	memcpy(address, host + 1, len - 2);
	address[len - 2] = '\0';
	return strspn(address, IPV6_CHARACTERS) == len - 2 &&
		inet_pton(AF_INET6, address, &v6) == 1;
}

/* May plain HTTP go to this host? */
static bool
is_local_host(const char *host, size_t len)
{
	char		address[INET_ADDRSTRLEN];

	if (is_same_text(host, len, "localhost", 9) ||
		is_same_text(host, len, "[::1]", 5))
		return true;
	if (len >= sizeof(address))
		return false;
	memcpy(address, host, len);
	address[len] = '\0';
	return fpgo_http_is_loopback(address);
}

/* The part of an authority behind its host: nothing, or a colon and a port. */
static bool
is_good_port(const char *text, size_t len)
{
	int			port;

	if (len == 0)
		return true;
	if (text[0] != ':' || len > 6)
		return false;
	port = fpgo_http_parse_number(text + 1, len - 1);
	return port > 0 && port <= 65535;
}

/* Does libcurl find this host in the URL? */
static bool
libcurl_agrees(const char *url, const char *host, size_t len)
{
	CURLU	   *parsed = curl_url();
	char	   *found = NULL;
	bool		agrees;

	agrees = parsed != NULL &&
		curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_HOST, &found, 0) == CURLUE_OK &&
		is_same_text(host, len, found, strlen(found));
	curl_free(found);
	curl_url_cleanup(parsed);
	return agrees;
}

const char *
fpgo_http_check_url(const char *url)
{
	size_t		len = strlen(url);
	bool		is_plain = pg_strncasecmp(url, "http://", 7) == 0;
	const char *host;
	size_t		authority_len;
	size_t		host_len;

	if (len == 0)
		return "must not be empty";
	if (len > MAX_URL_LENGTH)
		return "must not be longer than 2048 bytes";
	if (!is_plain && pg_strncasecmp(url, "https://", 8) != 0)
		return "must be an https address";
	if (strspn(url, URL_CHARACTERS) != len)
		return "must hold only the characters that an address may hold";
	if (strpbrk(url, "?#") != NULL)
		return "must not hold a query or a fragment";

	host = url + (is_plain ? 7 : 8);
	authority_len = strcspn(host, "/");
	if (memchr(host, '@', authority_len) != NULL)
		return "must not hold a user or a password";

	host_len = strcspn(host, host[0] == '[' ? "]/" : ":/");
	if (host[host_len] == ']')
		host_len++;
	if (host_len == 0)
		return "must name a host";
	if (host[0] == '[' ? !is_usual_ipv6(host, host_len)
		: !is_usual_name(host, host_len))
		return unusual_host;
	if (!is_good_port(host + host_len, authority_len - host_len))
		return "must have a port from 1 to 65535, if any";
	if (is_plain && !is_local_host(host, host_len))
		return "must be an https address, unless its host is localhost, "
			"127.0.0.1 or [::1]";
	if (!libcurl_agrees(url, host, host_len))
		return unusual_host;
	return NULL;
}

bool
fpgo_http_find_value(const char *line, size_t len, const char *name,
					 const char **value, size_t *value_len)
{
	size_t		name_len = strlen(name);
	const char *start;
	const char *end = line + len;

	if (len <= name_len || line[name_len] != ':' ||
		pg_strncasecmp(line, name, name_len) != 0)
		return false;

	start = line + name_len + 1;
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (unsigned char) end[-1] <= ' ')
		end--;
	*value = start;
	*value_len = end - start;
	return true;
}

int
fpgo_http_parse_number(const char *text, size_t len)
{
	int			number = 0;

	if (len == 0 || len > MAX_NUMBER_DIGITS)
		return -1;
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

int64_t
fpgo_http_parse_date(const char *text, size_t len)
{
	char		date[MAX_DATE_LENGTH + 1];

	if (len == 0 || len > MAX_DATE_LENGTH)
		return -1;
	memcpy(date, text, len);
	date[len] = '\0';
	return Max((int64_t) curl_getdate(date, NULL), -1);
}

int
fpgo_http_parse_retry_after(const char *text, size_t len)
{
	int64_t		when;
	int64_t		now;

	if (len > 0 && text[0] >= '0' && text[0] <= '9')
		return fpgo_http_parse_number(text, len);
	when = fpgo_http_parse_date(text, len);
	if (when == -1)
		return -1;
	now = time(NULL);
	if (when <= now)
		return 0;
	return when - now > INT_MAX ? INT_MAX : (int) (when - now);
}

bool
fpgo_http_is_plain(const char *url)
{
	return pg_strncasecmp(url, "https:", 6) != 0;
}

bool
fpgo_http_is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, address, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) ||
			(IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
	return false;
}

bool
fpgo_http_is_sendable_token(const char *token)
{
	for (const char *c = token; *c; c++)
	{
		if (*c <= ' ' || *c > '~')
			return false;
	}
	return *token != '\0';
}
