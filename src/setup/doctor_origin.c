/*
 * doctor_origin.c
 *		Checks of fpgo.doctor(): would a copy of this database be told from it?
 */
#include "postgres.h"

#include "access/xlog.h"

#include "base/settings.h"
#include "origin/parts.h"
#include "setup/doctor.h"

#define SET_SITE \
	"Give each server a name of its own by fpgo.site, on its command line or in a file outside the data directory, and restart it."

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
		return fpgo_right(psprintf("Orders are sent from the site \"%s\"; a copy at another site sends nothing by itself.",
								   here->site));
	if (here->inode == 0 || here->born == 0)
		return fpgo_wrong("The file system of the data directory does not tell a copy from the original: a copy would send what is queued again.",
						  SET_SITE);
	return fpgo_right("A copy of this database is told from it and sends nothing by itself, unless whole disks are copied.");
}
