/*
 * http_socket.h
 *		The sockets of libcurl's connections; for http.c alone.
 *
 * libcurl uses a kept connection again without looking whether the gateway has
 * closed it.  Version 8.22 looks only at those that were idle for a second.
 * What is sent into a closed connection is lost, and nobody can tell whether
 * it was received.  Therefore http.c looks by itself, right before libcurl
 * sends.
 *
 * Nothing here raises or uses a memory context: libcurl is on the stack.
 */
#ifndef FPGO_HTTP_SOCKET_H
#define FPGO_HTTP_SOCKET_H

#include <curl/curl.h>
#include <stdbool.h>

/*
 * A socket for that address; CURL_SOCKET_BAD if there is none to be had.
 * Programs that COPY ... PROGRAM starts do not inherit it.
 */
extern curl_socket_t fpgo_http_socket_open(const struct curl_sockaddr *address);

/*
 * From now on there is a descriptor that is readable when something happens on a
 * socket that is opened later.  Returns it; -1 if the system has none.  Later
 * calls return the same one.  It must be emptied before each wait.
 */
extern int	fpgo_http_socket_watch(void);
extern void fpgo_http_socket_empty_watch(void);

/*
 * Is the connection on which the handle is about to send a kept one that the
 * gateway has closed, or on which it has sent what nobody asked for?  The
 * connection is named as libcurl names it.  False if nothing is known of it.
 */
extern bool fpgo_http_socket_is_dead(CURL *handle, const char *peer_address,
									 int peer_port, int own_port);

#endif							/* FPGO_HTTP_SOCKET_H */
