/*
 * hold_news.c
 *		How processes hear that holds, or streaks, were changed.
 *
 * The commit that changes one sends an invalidation of a sequence.  No plan of a
 * statement knows of that: an invalidation of the table would have all
 * statements looked at again (tables/foreign_code.c).
 */
#include "postgres.h"

#include "utils/inval.h"

#include "records/hold_news.h"
#include "tables/statement.h"

Oid
fpgo_hold_news(void)
{
	return fpgo_table_find("hold_id_seq");
}

void
fpgo_hold_news_tell(void)
{
	CacheInvalidateRelcacheByRelid(fpgo_hold_news());
}
