/*
 * settings.h
 *		The settings fpgo.*, as PostgreSQL keeps them.
 */
#ifndef FPGO_SETTINGS_H
#define FPGO_SETTINGS_H

#include "postgres.h"

extern char *fpgo_server_name;	/* fpgo.server */
extern char *fpgo_databases;	/* fpgo.databases */
extern bool fpgo_accept_orders; /* fpgo.accept_orders */
extern bool fpgo_undelivered_notice;	/* fpgo.undelivered_notice */
extern int	fpgo_helper_wait;	/* fpgo.helper_wait, in milliseconds */
extern int	fpgo_helper_idle;	/* fpgo.helper_idle, in milliseconds */
extern int	fpgo_submit_wait;	/* fpgo.submit_wait, in milliseconds */
extern int	fpgo_keyless_window;	/* fpgo.keyless_window, in milliseconds; 0:
									 * never */
extern int	fpgo_progress_interval; /* fpgo.progress_interval, in
										 * milliseconds; 0: never */
extern int	fpgo_reconcile_interval;	/* fpgo.reconcile_interval, in
										 * milliseconds; 0: never */

/*
 * fpgo.site; "" if it is not set, if fpgo is not preloaded, or if it comes from
 * a file in the data directory, which every copy of it has too.
 */
extern const char *fpgo_settings_site(void);

/* The file in the data directory that sets fpgo.site; NULL if none does. */
extern const char *fpgo_settings_site_file(void);

/* Make them known to PostgreSQL; once, when the library is loaded. */
extern void fpgo_settings_define(void);

#endif							/* FPGO_SETTINGS_H */
