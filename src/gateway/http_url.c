/*
 * http_url.c
 *		Which URLs fpgo sends requests to.
 *
 * fpgo, libcurl and the person who typed a URL must read it the same way.
 * Therefore fpgo's own narrow grammar takes it apart first.  Then libcurl must
 * find the same parts.  The string that passed is used unchanged.  Plain HTTP
 * is for this machine only.  Which machine a name leads to is checked before
 * the connection (http.c).
 *
 * Nothing here raises or uses a memory context, but fpgo_http_host().
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <curl/curl.h>

#include "gateway/http_libcurl.h"
#include "gateway/http_text.h"
#include "gateway/http_url.h"

#define MAX_URL_LENGTH 2048

/* the longest name that DNS can hold */
#define MAX_HOST_LENGTH 253

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_CHARACTERS DIGITS LETTERS "-._"
#define IPV6_CHARACTERS DIGITS "abcdefABCDEF:."

/* the characters that RFC 3986 allows in a URL */
#define URL_CHARACTERS DIGITS LETTERS "-._~:/?#[]@!$&'()*+,;=%"

static const char unusual_host[] = "must spell its host in the usual way";

/* What an address is made of, besides its scheme. */
typedef struct UrlParts
{
	bool		is_plain;		/* http */
	const char *host;			/* with the brackets of an IPv6 address */
	size_t		host_len;
	const char *port;			/* with its colon; or nothing */
	size_t		port_len;
	const char *path;			/* to the end; or nothing */
} UrlParts;

/* Do the two stretches of ASCII differ in case at most? */
static bool
is_same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && pg_strncasecmp(a, b, a_len) == 0;
}

/*
 * A host without brackets: labels of letters, digits, hyphens, underscores.
 * A numeric address must have the four numbers of IPv4: "127.1", "0x7f.1" and
 * 2130706433 mean this machine to some programs.
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

/* A host that is spelt as usual: its address, if it is one. */
static FpgoPeer
classify_host(const char *host, size_t len)
{
	char		address[MAX_HOST_LENGTH + 1];
	struct in_addr v4;

	if (is_same_text(host, len, "localhost", 9))
		return FPGO_PEER_LOOPBACK;
	if (host[0] == '[')
	{
		host++;
		len -= 2;
	}
	memcpy(address, host, len);
	address[len] = '\0';
	if (strchr(address, ':') == NULL && inet_pton(AF_INET, address, &v4) != 1)
		return FPGO_PEER_PUBLIC;	/* a name */
	return fpgo_peer_of_text(address);
}

/* Take apart what begins with http:// or https://. */
static UrlParts
take_apart(const char *url)
{
	UrlParts	parts = {.is_plain = fpgo_http_is_plain(url)};
	const char *host = url + strlen(parts.is_plain ? "http://" : "https://");
	size_t		len = strcspn(host, host[0] == '[' ? "]/" : ":/");

	if (host[len] == ']')
		len++;
	parts.host = host;
	parts.host_len = len;
	parts.port = host + len;
	parts.path = host + strcspn(host, "/");
	parts.port_len = parts.path - parts.port;
	return parts;
}

/* The port's number; -1 if it is none. */
static int
find_port(const UrlParts *parts)
{
	int			port;

	if (parts->port_len == 0)
		return parts->is_plain ? 80 : 443;
	if (parts->port[0] != ':' || parts->port_len > 6)
		return -1;
	port = fpgo_http_parse_number(parts->port + 1, parts->port_len - 1);
	return port > 0 && port <= 65535 ? port : -1;
}

/* Is this part of the URL that text?  NULL: is it absent? */
static bool
is_part(CURLU *parsed, CURLUPart part, const char *text, size_t len)
{
	char	   *found = NULL;
	bool		agrees;

	if (curl_url_get(parsed, part, &found, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return text == NULL;
	agrees = text != NULL && is_same_text(text, len, found, strlen(found));
	curl_free(found);
	return agrees;
}

/* Does libcurl find in the URL what was found here, and nothing else? */
static bool
libcurl_agrees(const char *url, const UrlParts *parts)
{
	static const CURLUPart absent[] = {CURLUPART_USER, CURLUPART_PASSWORD,
		CURLUPART_OPTIONS, CURLUPART_ZONEID, CURLUPART_QUERY,
	CURLUPART_FRAGMENT};
	CURLU	   *parsed = fpgo_http_parse_url(url);
	const char *path = parts->path[0] != '\0' ? parts->path : "/";
	char		port[12];
	bool		agrees;

	snprintf(port, sizeof(port), "%d", find_port(parts));
	agrees = parsed != NULL &&
		is_part(parsed, CURLUPART_SCHEME, url, strcspn(url, ":")) &&
		is_part(parsed, CURLUPART_HOST, parts->host, parts->host_len) &&
		is_part(parsed, CURLUPART_PORT, port, strlen(port)) &&
		is_part(parsed, CURLUPART_PATH, path, strlen(path));
	for (size_t i = 0; i < lengthof(absent); i++)
		agrees = agrees && is_part(parsed, absent[i], NULL, 0);
	curl_url_cleanup(parsed);
	return agrees;
}

const char *
fpgo_http_check_url(const char *url)
{
	size_t		len = strlen(url);
	UrlParts	parts;

	if (len == 0)
		return "must not be empty";
	if (len > MAX_URL_LENGTH)
		return "must not be longer than 2048 bytes";
	if (pg_strncasecmp(url, "http://", 7) != 0 &&
		pg_strncasecmp(url, "https://", 8) != 0)
		return "must be an https address";
	if (strspn(url, URL_CHARACTERS) != len)
		return "must hold only the characters that an address may hold";
	if (strpbrk(url, "?#") != NULL)
		return "must not hold a query or a fragment";

	parts = take_apart(url);
	if (memchr(parts.host, '@', parts.path - parts.host) != NULL)
		return "must not hold a user or a password";
	if (parts.host_len == 0)
		return "must name a host";
	if (parts.host[0] == '[' ? !is_usual_ipv6(parts.host, parts.host_len)
		: !is_usual_name(parts.host, parts.host_len))
		return unusual_host;
	if (find_port(&parts) < 0)
		return "must have a port from 1 to 65535, if any";
	if (parts.is_plain &&
		classify_host(parts.host, parts.host_len) != FPGO_PEER_LOOPBACK)
		return "must be an https address, unless its host is localhost, "
			"127.0.0.1 or [::1]";
	if (!fpgo_http_load())
		return "cannot be checked, since libcurl could not be loaded";
	if (!libcurl_agrees(url, &parts))
		return unusual_host;
	return NULL;
}

FpgoPeer
fpgo_http_classify_host(const char *url)
{
	UrlParts	parts = take_apart(url);

	return classify_host(parts.host, parts.host_len);
}

const char *
fpgo_http_host(const char *url)
{
	UrlParts	parts = take_apart(url);
	int			port = find_port(&parts);

	if (port == (parts.is_plain ? 80 : 443))
		return pnstrdup(parts.host, parts.host_len);
	return psprintf("%.*s:%d", (int) parts.host_len, parts.host, port);
}
