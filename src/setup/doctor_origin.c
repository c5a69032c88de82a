/*
 * doctor_origin.c
 *		Checks of fpgo.doctor(): would a copy of this database be told from it?
 */
#include "postgres.h"

#include "access/xlog.h"
#include "foreign/foreign.h"
#include "replication/walsender.h"
#include "utils/builtins.h"

#include "account/options.h"
#include "base/settings.h"
#include "ipc/roster.h"
#include "origin/parts.h"
#include "setup/doctor.h"

#define SET_SITE \
	"Give each server a name of its own by fpgo.site, on its command line or in a file outside the data directory, and restart it."

/* Has the server that is looked at the option failover 'trust'? */
static bool
is_trusted(const FpgoExamination *examination)
{
	ForeignServer *server = GetForeignServerByName(examination->server_name,
												   true);
	const char *failover = server == NULL ? NULL :
		fpgo_option_find(server->options, "failover");

	return failover != NULL && strcmp(failover, "trust") == 0;
}

/* What becomes of the queue if another server is promoted. */
static FpgoDiagnosis
look_at_standbys(const FpgoExamination *examination, const char *detail)
{
	int			n = fpgo_parts_count_asynchronous();

	if (n > 0 && is_trusted(examination))
		return fpgo_wrong(psprintf("Standbys that are not synchronous: %d.  If one of them is promoted it may send again what was sent last, since the option failover of server \"%s\" is trust.",
								   n, examination->server_name),
						  psprintf("Make them synchronous, never promote them, or ALTER SERVER %s OPTIONS (SET failover 'hold');",
								   quote_identifier(examination->server_name)));
	if (n > 0)
		detail = psprintf("%s  Standbys that are not synchronous: %d; what is queued is held on one that is promoted.",
						  detail, n);
	if (max_wal_senders > 0 && !fpgo_roster_exists())
		detail = psprintf("%s  Without fpgo in shared_preload_libraries a promotion is not seen: a standby holds all orders then.",
						  detail);
	return fpgo_right(detail);
}

FpgoDiagnosis
fpgo_check_origin(FpgoExamination *examination)
{
	const char *file = fpgo_settings_site_file();
	const FpgoOriginParts *here;

	if (!fpgo_accept_orders)
		return fpgo_wrong("fpgo.accept_orders is off: this server takes no orders, and sends none.",
						  "Turn it on where orders are to be handed in.");
	if (RecoveryInProgress())
		return fpgo_unseen("Not looked at: a standby sends nothing.");
	if (file != NULL)
		return fpgo_wrong(psprintf("fpgo.site is set in %s, which every copy of the data directory has: it counts for nothing.",
								   file), SET_SITE);
	here = fpgo_parts_here(InvalidOid);
	if (here->site[0] != '\0')
		return look_at_standbys(examination,
								psprintf("Orders are sent from the site \"%s\"; a copy at another site sends nothing by itself.",
										 here->site));
	if (here->inode == 0 || here->born == 0)
		return fpgo_wrong("The file system of the data directory does not tell a copy from the original: a copy would send what is queued again.",
						  SET_SITE);
	return look_at_standbys(examination,
							"A copy of this database is told from it and sends nothing by itself, unless whole disks are copied.");
}
