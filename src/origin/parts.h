/*
 * parts.h
 *		What tells a database from its copies.
 */
#ifndef FPGO_PARTS_H
#define FPGO_PARTS_H

#include "postgres.h"

#include "origin/rule.h"

/* Look how the server is started; once, while fpgo is preloaded. */
extern void fpgo_parts_note_start(void);

/*
 * The parts of this database, whose table of submissions has that oid.  Raises
 * 55000 during recovery: the timeline is not known yet.  The others stay the same
 * as long as the process lives.
 */
extern const FpgoOriginParts *fpgo_parts_here(Oid records);

/* How this server was started.  Not during recovery. */
extern FpgoServerStart fpgo_parts_start(void);

/* Does this server wait for synchronous standbys? */
extern bool fpgo_parts_have_standbys(void);

/*
 * How many servers receive this one's WAL without being waited for?  Archivers of
 * WAL are counted, too.
 */
extern int	fpgo_parts_count_asynchronous(void);

/* The number of an origin: the first 8 bytes of SHA-256 of its parts. */
extern int64 fpgo_parts_number(const FpgoOriginParts *parts);

#endif							/* FPGO_PARTS_H */
