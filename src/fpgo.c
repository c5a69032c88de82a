/*
 * fpgo.c
 *		Module entry.
 *
 * Loading makes the settings known.  A preloaded library also has a roster of
 * resident workers in shared memory, and a launcher that starts them.  It loads
 * libcurl, for the processes that the postmaster forks.  libcurl is started at
 * the first request and not here.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "base/fpgo.h"
#include "base/settings.h"
#include "gateway/http_libcurl.h"
#include "ipc/roster.h"
#include "origin/parts.h"
#include "process/launcher.h"

FPGO_MODULE_MAGIC("fpgo", FPGO_VERSION);

void		_PG_init(void);

void
_PG_init(void)
{
	fpgo_settings_define();
	if (!process_shared_preload_libraries_in_progress)
		return;
	fpgo_parts_note_start();
	(void) fpgo_http_load();
	fpgo_roster_request();
	fpgo_launcher_register();
}
