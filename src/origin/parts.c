/*
 * parts.c
 *		What tells a database from its copies.
 *
 * A copy has the same system identifier and the same records.  But it is written
 * on another timeline, or its files are others.  PostgreSQL never replaces the file
 * global/pg_control.  Every way to copy or to restore does, but for copies of
 * whole disks, and cp over a data directory.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include "access/timeline.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walreceiver.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/spin.h"
#include "utils/memutils.h"

#include "base/fpgo.h"
#include "base/settings.h"
#include "origin/parts.h"

/* in the data directory, where server processes work */
#define CONTROL_FILE "global/pg_control"
#define STANDBY_FILE "standby.signal"
#define LABEL_FILE "backup_label"

/* ZFS is no part of Linux: its number is from OpenZFS, zfs_vfsops.h */
#define ZFS_MAGIC 0x2fc12fc1

/* set in the postmaster, and inherited: shared memory is lost in a crash */
static bool was_standby = false;
static bool had_label = false;

static bool
exists(const char *file)
{
	struct stat found;

	return stat(file, &found) == 0;
}

void
fpgo_parts_note_start(void)
{
	was_standby = exists(STANDBY_FILE);
	had_label = exists(LABEL_FILE);
}

/* ---------- the files ---------- */

#if defined(__linux__) && defined(STATX_BTIME)
/* Does the file system of the file keep inodes and times of birth? */
static bool
keeps_births(const char *file)
{
	struct statfs found;

	if (statfs(file, &found) != 0)
		return false;
	switch ((uint32) found.f_type)
	{
		case EXT4_SUPER_MAGIC:
		case XFS_SUPER_MAGIC:
		case BTRFS_SUPER_MAGIC:
		case F2FS_SUPER_MAGIC:
		case TMPFS_MAGIC:
		case OVERLAYFS_SUPER_MAGIC:
		case ZFS_MAGIC:
			return true;
		default:
			return false;
	}
}

static void
find_file(FpgoOriginParts *parts)
{
	struct statx found;

	if (!keeps_births(CONTROL_FILE) ||
		statx(AT_FDCWD, CONTROL_FILE, 0, STATX_INO | STATX_BTIME, &found) != 0)
		return;
	if ((found.stx_mask & STATX_INO) != 0)
		parts->inode = (int64) found.stx_ino;
	/* without it an inode may be another file's by now */
	if ((found.stx_mask & STATX_BTIME) != 0)
		parts->born = found.stx_btime.tv_sec * INT64CONST(1000000) +
			found.stx_btime.tv_nsec / 1000;
}
#else
static void
find_file(FpgoOriginParts *parts)
{
}
#endif

/* ---------- the parts ---------- */

const FpgoOriginParts *
fpgo_parts_here(Oid records)
{
	static FpgoOriginParts here = {0};

	here.records = records;
	if (here.site != NULL)
		return &here;
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot tell the origin of orders during recovery"),
				 fpgo_errhide()));
	here.system_identifier = (int64) GetSystemIdentifier();
	here.database = MyDatabaseId;
	here.timeline = GetWALInsertionTimeLine();
	find_file(&here);
	here.site = fpgo_settings_site();
	return &here;
}

/* The timeline that this one began on; 0: on none. */
static int64
find_parent(int64 timeline)
{
	List	   *history = readTimeLineHistory((TimeLineID) timeline);

	if (list_length(history) < 2)
		return 0;
	return ((TimeLineHistoryEntry *) lsecond(history))->tli;
}

/* Has a primary told this server anything, when it was a standby? */
static bool
has_heard(void)
{
	XLogRecPtr	heard;

	if (WalRcv == NULL)
		return false;
	/* the flush position would not do: asking alone sets it */
	SpinLockAcquire(&WalRcv->mutex);
	heard = WalRcv->latestWalEnd;
	SpinLockRelease(&WalRcv->mutex);
	return heard != InvalidXLogRecPtr;
}

FpgoServerStart
fpgo_parts_start(void)
{
	return (FpgoServerStart)
	{
		.was_standby = was_standby,
		.had_label = had_label,
		.has_target = recoveryTarget != RECOVERY_TARGET_UNSET,
		.has_heard = has_heard(),
		.parent = find_parent(GetWALInsertionTimeLine())
	};
}

bool
fpgo_parts_have_standbys(void)
{
	return max_wal_senders > 0 && SyncRepStandbyNames != NULL &&
		SyncRepStandbyNames[0] != '\0';
}

int
fpgo_parts_count_asynchronous(void)
{
	int			n = 0;

	for (int i = 0; i < max_wal_senders; i++)
	{
		WalSnd	   *sender = &WalSndCtl->walsnds[i];
		bool		is_asynchronous;

		SpinLockAcquire(&sender->mutex);
		is_asynchronous = sender->pid != 0 &&
			sender->state == WALSNDSTATE_STREAMING &&
			sender->sync_standby_priority == 0;
		SpinLockRelease(&sender->mutex);
		if (is_asynchronous)
			n++;
	}
	return n;
}

int64
fpgo_parts_number(const FpgoOriginParts *parts)
{
	char	   *text = psprintf("%lld/%u/%u/%lld/%lld/%lld/%s",
								(long long) parts->system_identifier,
								parts->database, parts->records,
								(long long) parts->timeline,
								(long long) parts->inode,
								(long long) parts->born, parts->site);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	uint64		number = 0;

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
	{
		pg_cryptohash_free(context);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("The origin of orders could not be hashed."),
				 fpgo_errhide()));
	}
	pg_cryptohash_free(context);
	pfree(text);
	for (int i = 0; i < (int) sizeof(number); i++)
		number = number << 8 | digest[i];
	return (int64) number;
}
