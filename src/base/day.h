/*
 * day.h
 *		The day of a time, as a message names it.
 */
#ifndef FPGO_DAY_H
#define FPGO_DAY_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/timestamp.h"

/* The day in the session's time zone, such as 2026-11-30. */
static inline const char *
fpgo_day_name(TimestampTz time)
{
	pg_time_t	seconds = timestamptz_to_time_t(time);
	char		text[32];

	pg_strftime(text, sizeof(text), "%Y-%m-%d",
				pg_localtime(&seconds, session_timezone));
	return pstrdup(text);
}

#endif							/* FPGO_DAY_H */
