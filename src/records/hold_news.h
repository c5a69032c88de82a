/*
 * hold_news.h
 *		How processes hear that holds, or streaks, were changed.
 */
#ifndef FPGO_HOLD_NEWS_H
#define FPGO_HOLD_NEWS_H

#include "postgres.h"

/* The relation by whose invalidation they hear; InvalidOid if it is not there. */
extern Oid	fpgo_hold_news(void);

/* Tell all processes, at the commit. */
extern void fpgo_hold_news_tell(void);

#endif							/* FPGO_HOLD_NEWS_H */
